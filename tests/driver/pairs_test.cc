// The same network as its author's .mlmodel and as Apple compiled it to Espresso: both must become the same
// program, byte for byte. A pair that is refused must be refused with the same words.
#include "base/error.h"
#include "driver/compile.h"
#include "driver/shell.h"
#include "support/evidence.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;

fs::path only_model(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".mlmodel" || entry.path().extension() == ".mlmodelc")
      return entry.path();
  return folder;
}

struct Outcome {
  Bytes program;
  std::string refusal;  // without the file's name
};

Outcome outcome_of(const fs::path& model) {
  driver::CompileOptions options;
  options.model = model;
  try {
    return {hwx::write(driver::compile_model(options).program.file), ""};
  } catch (const Error& error) {
    const std::string text = error.what();
    const size_t from = text.find(": ");
    return {{}, text.substr(from == std::string::npos ? 0 : from)};
  }
}

void expect_same(const std::string& source, const std::string& compiled) {
  const fs::path models = evidence() / "models";
  const Outcome from_source = outcome_of(only_model(models / "neuralnetwork" / source)),
                from_compiled = outcome_of(only_model(models / "espresso" / compiled));
  EXPECT_EQ(from_source.refusal, from_compiled.refusal) << source;
  EXPECT_TRUE(from_source.program == from_compiled.program) << source;
}

TEST(Pairs, GiveTheSameProgram) {
  ANE_NEED_EVIDENCE("models/espresso");
  expect_same("waifu2x-anime-noise0", "waifu2x-anime-noise0");
  expect_same("waifu2x-up-photo-scale2x-deconv", "waifu2x-up-photo-scale2x");
  expect_same("cardscan-four-recognize-f16", "cardscan-four-recognize-f16");
  expect_same("cardscan-ssd-ocr-f16", "cardscan-ssd-ocr-f16");
}

}  // namespace
}  // namespace ane::test
