// What stands between the compiler's mistakes and its users: sound programs with one word changed must be
// found out, and a network that is not optimised must compute the same.
#include "driver/soundness.h"

#include "base/error.h"
#include "driver/road.h"

namespace ane::test {
namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

// Tensors of several sizes whose places in scratch are used again and again, branches, and padding.
ModelBuilder branches() {
  ModelBuilder model;
  model.array_input("x", {8, 20, 24});
  std::string last = "x";
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    model.convolution("wide" + number, last, {.out = 24, .in = 8, .same = true});
    model.batchnorm("norm" + number, "wide" + number, std::vector<float>(24, 0.5f),
                    std::vector<float>(24, 0.25f));
    model.activation("bent" + number, "norm" + number)->mutable_tanh();
    model.convolution("narrow" + number, "bent" + number, {.out = 8, .in = 24, .same = true});
    model.add("sum" + number, {"narrow" + number, last});
    last = "sum" + number;
  }
  model.array_output(last);
  return model;
}

// The error over the program with `change` made to one of its tasks; "" when nobody notices.
template <typename Change>
std::string found(h13::Program program, size_t task, Change change) {
  change(program.tasks[task]);
  program.file.text = h13::encode_tasks(program.tasks);
  try {
    driver::check_program(program);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "";
}

class Soundness : public ::testing::Test {
 protected:
  void SetUp() override { program_ = compile(folder_, branches()).program; }

  TemporaryFolder folder_;
  h13::Program program_;
};

constexpr uint32_t scratch_slot = 3;

TEST_F(Soundness, ProgramsAreSound) {
  driver::check_program(program_);
  EXPECT_GT(program_.tasks.size(), 10u);
}

// Every address in scratch, moved by one row of 64 bytes, to the beginning and to the end.
TEST_F(Soundness, BadScratchAddressesAreFound) {
  int changes = 0;
  const auto move = [&](size_t task, HeaderField slot, Reg base) {
    const uint32_t at = program_.tasks[task][base];
    if (program_.tasks[task].get(slot) != scratch_slot) return;
    for (const uint32_t to : {at + 64, 0u, static_cast<uint32_t>(program_.file.scratch_bytes) - 64}) {
      if (to == at) continue;
      EXPECT_NE(found(program_, task, [&](Task& changed) { changed[base] = to; }), "")
          << "task " << task << ": 0x" << std::hex << at << " -> 0x" << to;
      ++changes;
    }
  };
  for (size_t i = 0; i < program_.tasks.size(); ++i) {
    move(i, HeaderField::RBase0, Reg::Src1BaseAddr);
    if (program_.tasks[i].get(HeaderField::RBE1)) move(i, HeaderField::RBase1, Reg::Src2BaseAddr);
    move(i, HeaderField::WBase, Reg::DstBaseAddr);
  }
  EXPECT_GT(changes, 30);
}

TEST_F(Soundness, BadMissingDramDependenciesAreFound) {
  int changes = 0;
  for (size_t i = 0; i < program_.tasks.size(); ++i) {
    if (program_.tasks[i].get(HeaderField::RBase0) != scratch_slot) continue;
    const std::string error =
        found(program_, i, [](Task& task) { task.set(Field::Src1DMAConfig_DependencyMode, 0); });
    EXPECT_NE(error.find("without DependencyMode 1"), std::string::npos) << error;
    ++changes;
  }
  EXPECT_GT(changes, 5);
}

// Softmax and matrix products of ML Programs leave tensors in L2.
TEST(SoundnessOnChip, BadAddressesAndWaitsAreFound) {
  const TemporaryFolder folder;
  folder.put("model.mil", R"mil(program(1.3)
[buildInfo = dict<string, string>({})]
{
  func main<ios18>(tensor<fp16, [1, 64, 8, 32]> x) {
    int32 axis = const()[name = string("axis"), val = int32(-1)];
    tensor<fp16, [1, 64, 8, 32]> a = softmax(axis = axis, x = x)[name = string("a")];
    tensor<fp16, [1, 64, 8, 32]> y = softmax(axis = axis, x = a)[name = string("y")];
  } -> (y);
})mil");
  driver::CompileOptions options;
  options.model = folder.path() / "model.mil";
  const h13::Program program = driver::compile_model(options).program;
  int changes = 0;
  for (size_t i = 0; i < program.tasks.size(); ++i) {
    const auto expect_found = [&](const char* what, auto change) {
      EXPECT_NE(found(program, i, change), "") << "task " << i << ": " << what;
      ++changes;
    };
    if (program.tasks[i].get(Field::SourceCfg_SourceType) != 0) continue;
    expect_found("source one row on", [](Task& task) { task[Reg::SourceBase] += 16; });
    expect_found("source elsewhere", [](Task& task) { task[Reg::SourceBase] = 0x1c0000; });
    expect_found("waits for nothing", [](Task& task) {
      for (const Field field :
           {Field::SourceCfg_AliasConvRslt, Field::SourceCfg_AliasPlanarRslt, Field::SourceCfg_AliasConvSrc,
            Field::SourceCfg_AliasPlanarSrc, Field::SourceCfg_Dependent})
        task.set(field, 0);
    });
  }
  EXPECT_GE(changes, 9);
}

TEST(WithoutOptimisation, ProgramsComputeTheSameInMoreTasks) {
  const TemporaryFolder folder;
  const driver::Compiled fast = compile(folder, branches());
  const driver::Compiled plain = compile(folder, branches(), {.optimise = false});
  EXPECT_GT(plain.program.tasks.size(), fast.program.tasks.size());
  for (const RoadOutput& output : run_road(branches(), {.optimise = false}))
    expect_agreement(output, "without optimisation");
}

// What the comparison says beforehand is what comes out.
TEST(WithoutOptimisation, CostsAreThoseOfTheProgram) {
  const TemporaryFolder folder;
  const Bytes bytes = branches().bytes();
  folder.put("model.mlmodel", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  driver::CompileOptions options;
  options.model = folder.path() / "model.mlmodel";
  options.compare_costs = true;
  const driver::Compiled fast = driver::compile_model(options);
  options.optimise = false;
  const h13::Program plain = driver::compile_model(options).program;
  ASSERT_TRUE(fast.unoptimised);
  EXPECT_EQ(fast.unoptimised->tasks, plain.tasks.size());
  h13::Cost cost;
  for (const h13::TaskInfo& info : plain.infos) h13::add(cost, info.cost);
  EXPECT_EQ(fast.unoptimised->cost.bytes(), cost.bytes());
  EXPECT_EQ(fast.unoptimised->cost.macs, cost.macs);
}

}  // namespace
}  // namespace ane::test
