// Evaluations that let go of what nobody reads any more.
#include "reference/run.h"

namespace ane::test {
namespace {

using reference::Wanted;

// y = relu(x) + relu(relu(x)), and z, which nobody reads.
ModelBuilder network() {
  ModelBuilder model;
  model.array_input("x", {2, 1, 2});
  model.relu("a", "x");
  model.relu("b", "a");
  model.add("y", {"a", "b"});
  model.relu("z", "a");
  model.array_output("y");
  return model;
}

TEST(Blobs, OnlyWhatIsWantedIsKept) {
  const coreml::Model model = coreml::read_model(network().bytes(), "test.mlmodel");
  const std::map<std::string, std::vector<float>> inputs = {{"x", {-1, 2, 3, -4}}};
  const auto all = reference::evaluate(model, inputs);
  EXPECT_EQ(all.size(), 5u);
  const auto some = reference::evaluate(model, inputs, Wanted({"y", "x"}));
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some.at("y").data, (std::vector<float>{0, 4, 6, 0}));
  EXPECT_EQ(some.at("x").data, (std::vector<float>{-1, 2, 3, -4}));
}

}  // namespace
}  // namespace ane::test
