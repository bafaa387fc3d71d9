// Programs that other people's tools and Apple's compiler wrote.
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "mil/equality.h"
#include "mil/text.h"
#include "support/evidence.h"

namespace ane::mil {
namespace {

namespace fs = std::filesystem;

// Every model.mil in the folder, all of them written by coremlc.
std::vector<fs::path> compiled_programs(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename() == "model.mil") found.push_back(entry.path());
  return found;
}

TEST(RealPrograms, TextComesOutAsItWentIn) {
  ANE_NEED_EVIDENCE("models/mlprogram");
  const auto files = compiled_programs(evidence_folder);
  EXPECT_GE(files.size(), 6u);
  for (const fs::path& file : files) {
    const MappedFile mapped(file);
    std::string_view text = mapped.text();
    // coremlc ends with the brace; one of the files went through an editor.
    if (text.ends_with('\n')) text.remove_suffix(1);
    EXPECT_EQ(print_text(read_text(file)), text) << file;
  }
}

// The same network in six encodings: 48 operations besides constants and what expands weights (the published
// table of the models).
TEST(RealPrograms, OperationsOfAKnownNetwork) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-compiled/silero_vad.mlmodelc/model.mil");
  const Program program = read_text(evidence_folder);
  ASSERT_EQ(program.functions.size(), 1u);
  std::map<std::string, int> histogram;
  for (const Operation& operation : program.functions[0].block.operations) ++histogram[operation.type];
  EXPECT_EQ(histogram["const"], 89);
  histogram.erase("const");
  const std::map<std::string, int> published = {
      {"cast", 12},   {"conv", 6}, {"expand_dims", 5},    {"relu", 5},      {"clip", 4}, {"squeeze", 4},
      {"add", 2},     {"pow", 2},  {"slice_by_index", 2}, {"transpose", 2}, {"lstm", 1}, {"pad", 1},
      {"sigmoid", 1}, {"sqrt", 1}};
  EXPECT_EQ(histogram, published);
  EXPECT_EQ(program.functions[0].opset, "ios15");
}

}  // namespace
}  // namespace ane::mil
