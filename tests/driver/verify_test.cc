// What --verify says of results, in decibels.
#include "driver/ml_programs.h"
#include "support/model_builder.h"

namespace ane::test {
namespace {

class Verify : public MlPrograms {
 protected:
  // Of y = factor * x.
  double decibels(float factor) {
    ModelBuilder model;
    model.array_input("x", {2, 4, 4});
    auto& linear = *model.activation("y", "x")->mutable_linear();
    linear.set_alpha(factor);
    model.array_output("y");
    const Bytes bytes = model.bytes();
    put("f.mlmodel", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const json result = compiled("f.mlmodel", "--verify");
    return result.at("verify").at("outputs").at(0).at("snr_db").get<double>();
  }
};

TEST_F(Verify, ResultsThatRoundToZeroAreZero) {
  EXPECT_EQ(decibels(1e-12f), 999);
}

// Numbers below 2^-14 have fewer digits, which is to be seen.
TEST_F(Verify, SmallResultsAreCompared) {
  EXPECT_LT(decibels(1e-6f), 50);
  EXPECT_GT(decibels(1e-6f), 10);
  EXPECT_GT(decibels(0.1f), 60);
}

}  // namespace
}  // namespace ane::test
