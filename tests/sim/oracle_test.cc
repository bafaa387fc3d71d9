// Captured task words of Apple-compiled programs, run as they are. The captures hold no constants, so they
// show two things: that the hazard rules hold in every program known to be sound, and that programs without
// constants, or with constants that follow from their source, compute what the source says.
#include "support/oracle_program.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/pack_weights.h"
#include "sim/task_builder.h"

namespace ane::sim {
namespace {

using namespace test;  // NOLINT
using ane::test::Oracle;

struct Running {
  Oracle oracle;
  hwx::File file;
  std::vector<Task> tasks;
  std::vector<std::vector<float>> inputs;

  const hwx::Surface& surface(const std::string& name) const {
    return *std::find_if(file.surfaces.begin(), file.surfaces.end(),
                         [&](const auto& s) { return s.binding == name; });
  }
  std::vector<float> run(uint32_t seed = 50, float scale = 1) {
    Simulator simulator(file);
    inputs.clear();
    for (const hwx::Surface& s : file.surfaces)
      if (s.role == hwx::Role::Input) {
        std::vector<float> values = random_values(s.n * s.c * s.h * s.w, seed++, scale);
        if (s.element_size == 1)
          for (float& v : values) v = v > 0 ? 1 : 0;
        simulator.set_input(s.binding, values);
        inputs.push_back(values);
      }
    simulator.run();
    return simulator.output("out0").data;
  }
};

std::optional<Running> load_program(Oracle oracle) {
  std::optional<hwx::File> file = ane::test::program_of(oracle);
  if (!file) return std::nullopt;
  std::vector<Task> tasks = h13::decode_tasks(file->text, file->first_task_words, oracle.name);
  return Running{std::move(oracle), std::move(*file), std::move(tasks), {}};
}

Running one(const std::filesystem::path& folder, const std::string& name) {
  std::ifstream in(folder / (name + ".oracle"));
  return *load_program(ane::test::parse_oracle(in, name));
}

// ---- Tables ----

using Words = std::array<uint16_t, 64>;

template <typename Function>
Words table(double below, double above, double low, double high, int spacing, uint16_t mode, double first,
            Function function) {
  Words words{};
  words[0] = half(low), words[1] = half(high), words[2] = half(below), words[3] = half(above);
  for (int i = 0; i < 33; ++i)
    words[static_cast<size_t>(4 + i)] = half(function(first + std::ldexp(i, -spacing)));
  words[41] = static_cast<uint16_t>(spacing), words[42] = mode;
  return words;
}

Words exp2_table() {
  return table(0, INFINITY, -25, 16, 5, 0x0a, 0, [](double x) { return std::exp2(x); });
}
Words reciprocal_table() {
  return table(INFINITY, 0, 0, INFINITY, 6, 0x67, 0.5, [](double x) { return 1 / x; });
}
Words identity_table() {
  Words words{0xfc00, 0x7c00, 0xfc00, 0x7c00};
  words[37] = words[39] = half(1), words[41] = 64, words[42] = 1;
  return words;
}

// The tables of a program's table tasks, in task order; the last one serves all further tasks.
void put_tables(Running& program, const std::vector<Words>& tables) {
  size_t next = 0;
  for (const Task& task : program.tasks) {
    if (task.get(Field::MACCfg_NonlinearMode) != 2) continue;
    const Words& words = tables[std::min(next++, tables.size() - 1)];
    for (int i = 0; i < 16; ++i)
      if (task[Reg::CoeffDMAConfig0 + i] & 1)
        std::memcpy(program.file.constants.data() + task[Reg::CoeffBaseAddr0 + i], words.data(), 128);
  }
}

// ---- Convolutions ----

// Weights that are 0 where the recording's were: its first 64 came from a file header. Zeros shorten sparse
// kernels.
Weights weights_of(int64_t inputs, int64_t height, int64_t width, int64_t first, bool bias) {
  Weights weights;
  weights.weight = [=](int64_t o, int64_t i, int64_t y, int64_t x) {
    const int64_t index = (((first + o) * inputs + i) * height + y) * width + x;
    return index < 64 ? uint16_t{0} : scrambled(first + o, i, y, x);
  };
  if (bias) weights.bias = [=](int64_t o) { return scrambled(first + o, 99); };
  return weights;
}

// First output channel of a task that writes a part of its output.
int64_t first_channel(const Task& task) {
  if (!task.get(HeaderField::WBE) || task[Reg::DstPlaneStride] == 0) return 0;
  return task[Reg::DstBaseAddr] / task[Reg::DstPlaneStride];
}

struct Kernel {
  int64_t inputs, height, width, stride, groups, channels;  // channels: of all groups of the task
  bool depthwise, bias, sparse;
};

Kernel kernel_of(const Task& task) {
  Kernel kernel{};
  kernel.depthwise = task.get(Field::GroupConvCfg_UnicastEn) != 0;
  kernel.inputs = kernel.depthwise ? 1 : task.get(Field::Cin_Cin);
  kernel.height = task.get(Field::ConvCfg_Kh), kernel.width = task.get(Field::ConvCfg_Kw);
  kernel.stride = task.get(Field::ConvCfg_Sx);
  kernel.groups = task.get(Field::GroupConvCfg_NumGroups);
  kernel.channels = kernel.groups * task.get(Field::Cout_Cout);
  kernel.bias = task.get(Field::MACCfg_BiasMode) != 0;
  kernel.sparse = task.get(Field::KernelCfg_SparseFmt) != 0;
  return kernel;
}

// Packs weights for one convolution task; the sizes of dense blocks must be those captured.
void put_weights(Running& program, const Task& task) {
  const Kernel k = kernel_of(task);
  const Weights weights = weights_of(k.inputs, k.height, k.width, first_channel(task), k.bias);
  const KernelSpec spec{k.inputs, k.height, k.width, k.stride, k.sparse};
  const int64_t cap = task.get(Field::InDim_Win) <= 8 && task.get(Field::InDim_Hin) <= 8 ? 32 : 16;
  Blocks blocks = k.depthwise    ? pack_depthwise(spec, weights, k.channels)
                  : k.groups > 1 ? pack_grouped(spec, weights, k.channels, k.groups)
                                 : pack_dense(spec, weights, k.channels, cap);
  for (size_t i = 0; i < blocks.of_engine.size(); ++i) {
    blocks.align(i);
    const uint32_t size = task[Reg::CoeffBfrSize0 + static_cast<int>(i)];
    if (k.sparse)
      ASSERT_LE(blocks.of_engine[i].size(), size) << program.oracle.name;
    else
      ASSERT_EQ(blocks.of_engine[i].size(), size) << program.oracle.name;
    std::memcpy(program.file.constants.data() + task[Reg::CoeffBaseAddr0 + static_cast<int>(i)],
                blocks.of_engine[i].data(), blocks.of_engine[i].size());
  }
}

bool is_plain_convolution(const Task& task) {
  return !task.get(Field::MACCfg_KernelMode) && task.get(HeaderField::KBase0) == 1 &&
         task.get(Field::KernelCfg_KernelFmt) == 2 && !task.get(Field::KernelCfg_SparseBinary) &&
         task.get(Field::ConvCfg_Ox) == 1;
}

// One output by the definition of a convolution, with the padding that the first task states.
double convolved(const Running& program, const Kernel& kernel, int64_t o, int64_t y, int64_t x) {
  const hwx::Surface &in = program.surface("in0"), &out = program.surface("out0");
  const Task& task = program.tasks[0];
  const int64_t groups = kernel.depthwise ? out.c : in.c / kernel.inputs;
  const int64_t first_input = o / (out.c / groups) * kernel.inputs;
  const Weights weights = weights_of(kernel.inputs, kernel.height, kernel.width, 0, kernel.bias);
  double sum = kernel.bias ? to_float(Half{weights.bias(o)}) : 0;
  for (int64_t i = 0; i < kernel.inputs; ++i)
    for (int64_t ky = 0; ky < kernel.height; ++ky)
      for (int64_t kx = 0; kx < kernel.width; ++kx) {
        const int64_t sy = y * kernel.stride + ky - task.get(Field::ConvCfg_Py);
        const int64_t sx = x * kernel.stride + kx - task.get(Field::ConvCfg_Px);
        if (sy < 0 || sx < 0 || sy >= in.h || sx >= in.w) continue;
        sum += static_cast<double>(to_float(Half{weights.weight(o, i, ky, kx)})) *
               program.inputs[0][static_cast<size_t>(((first_input + i) * in.h + sy) * in.w + sx)];
      }
  return sum;
}

// All captured single-layer convolutions: one task or several, dense, grouped, depthwise, strided.
TEST(Oracle, ConvolutionsConvolve) {
  ANE_NEED_EVIDENCE("oracles/h13");
  int checked = 0;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    if (!oracle.name.starts_with("conv_known") && !oracle.name.starts_with("conv_probe")) continue;
    std::optional<Running> program = load_program(std::move(oracle));
    if (!program ||
        program->surface("in0").c * program->surface("out0").c * program->surface("out0").h > 1 << 22)
      continue;
    const Kernel kernel = kernel_of(program->tasks[0]);
    for (const Task& task : program->tasks) put_weights(*program, task);
    const std::vector<float> y = program->run();
    const hwx::Surface& out = program->surface("out0");
    std::mt19937 generator(1);
    for (int sample = 0; sample < 40; ++sample) {
      const size_t at = generator() % y.size();
      const auto index = static_cast<int64_t>(at);
      const double want =
          convolved(*program, kernel, index / (out.h * out.w), index / out.w % out.h, index % out.w);
      ASSERT_NEAR(y[at], want, std::fabs(want) * 0x1p-10 + 1e-4) << program->oracle.name << " element " << at;
    }
    ++checked;
  }
  EXPECT_GT(checked, 100);
}

// ---- Programs without constants ----

// Elements of an NCHW tensor gathered over some axes, "23": which of the remaining ones element i belongs to.
class Axes {
 public:
  Axes(const hwx::Surface& in, const std::string& over) : shape_{in.n, in.c, in.h, in.w} {
    for (size_t axis = 0; axis < 4; ++axis)
      kept_[axis] = over.find(static_cast<char>('0' + axis)) == std::string::npos ? shape_[axis] : 1;
  }
  size_t count() const { return static_cast<size_t>(kept_[0] * kept_[1] * kept_[2] * kept_[3]); }
  size_t of(size_t i) const {
    auto rest = static_cast<int64_t>(i);
    int64_t at[4];
    for (size_t axis = 4; axis-- > 0; rest /= shape_[axis]) at[axis] = rest % shape_[axis] % kept_[axis];
    return static_cast<size_t>(((at[0] * kept_[1] + at[1]) * kept_[2] + at[2]) * kept_[3] + at[3]);
  }
  template <typename Fold>
  std::vector<double> fold(const std::vector<float>& x, double start, Fold fold) const {
    std::vector<double> result(count(), start);
    for (size_t i = 0; i < x.size(); ++i) result[of(i)] = fold(result[of(i)], static_cast<double>(x[i]));
    return result;
  }

 private:
  int64_t shape_[4], kept_[4];
};

// "reduce_probe_mean_ax2_3_1x64x8x8": what, over which axes.
TEST(Oracle, ReductionsReduce) {
  ANE_NEED_EVIDENCE("oracles/h13");
  static const std::regex form(
      R"(reduce(?:_probe)?_(max|mean|sum)_ax(?:es_)?([\d_]*\d)(?:_1x\d+x\d+x\d+)?(?:_flat)?)");
  int checked = 0;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    std::smatch match;
    const std::string name = oracle.name;
    if (!std::regex_match(name, match, form)) continue;
    std::optional<Running> program = load_program(std::move(oracle));
    if (!program) continue;
    std::string axes = match[2];
    if (const size_t shape = axes.find("_1x"); shape != std::string::npos) axes.resize(shape);
    const std::vector<float> got = program->run();
    const hwx::Surface& in = program->surface("in0");
    const bool maximum = match[1] == "max";
    std::vector<double> want =
        Axes(in, axes).fold(program->inputs[0], maximum ? -1e9 : 0,
                            [&](double a, double b) { return maximum ? std::max(a, b) : a + b; });
    if (match[1] == "mean")
      for (double& v : want)
        v *= static_cast<double>(want.size()) / static_cast<double>(program->inputs[0].size());
    SCOPED_TRACE(name);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], want[i], std::fabs(want[i]) * 0x1p-9 + 1e-5) << i;
    ++checked;
  }
  EXPECT_GE(checked, 15);
}

TEST(Oracle, LayerNormalizationsNormalize) {
  ANE_NEED_EVIDENCE("oracles/h13");
  int checked = 0;
  for (const auto& [name, axes] :
       {std::pair{"norm_layer_norm_ax1_1x64x1x1", "1"}, std::pair{"norm_layer_norm_ax1_1x64x8x8", "1"},
        std::pair{"norm_layer_norm_ax2_3_1x64x8x8", "23"}, std::pair{"norm_layer_norm_ax3_1x64x8x8", "3"},
        std::pair{"layer_norm_1x64x8x8", "123"}, std::pair{"chain_base_layer_norm_d256_s64", "3"}}) {
    Running program = one(evidence_folder, name);
    const std::vector<float> got = program.run(60, 3);
    const hwx::Surface& in = program.surface("in0");
    const std::vector<float>& x = program.inputs[0];
    const Axes groups(in, axes);
    const std::vector<double> sum = groups.fold(x, 0, [](double a, double b) { return a + b; });
    const std::vector<double> squares = groups.fold(x, 0, [](double a, double b) { return a + b * b; });
    const double n = static_cast<double>(x.size()) / static_cast<double>(sum.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const double mean = sum[groups.of(i)] / n, variance = squares[groups.of(i)] / n - mean * mean;
      ASSERT_NEAR(got[i], (x[i] - mean) / std::sqrt(variance + 1e-5), 0.01) << name << " " << i;
    }
    ++checked;
  }
  EXPECT_EQ(checked, 6);
}

TEST(Oracle, SoftmaxIsTheShareOfTheExponential) {
  ANE_NEED_EVIDENCE("oracles/h13");
  for (const auto& [name, axis] :
       {std::pair{"norm_softmax_a1_1x512x1x1", "1"}, std::pair{"norm_softmax_a1_1x64x8x8", "1"},
        std::pair{"norm_softmax_a2_1x64x8x8", "2"}, std::pair{"norm_softmax_a3_1x1x64x64", "3"},
        std::pair{"norm_softmax_a3_1x64x8x8", "3"}, std::pair{"chain_base_softmax_d256_s64", "3"}}) {
    Running program = one(evidence_folder, name);
    put_tables(program, {exp2_table(), reciprocal_table()});
    const std::vector<float> got = program.run(70, 4);
    const hwx::Surface& in = program.surface("in0");
    const Axes groups(in, axis);
    const std::vector<double> total =
        groups.fold(program.inputs[0], 0, [](double sum, double x) { return sum + std::exp(x); });
    for (size_t i = 0; i < got.size(); ++i) {
      const double want = std::exp(static_cast<double>(program.inputs[0][i])) / total[groups.of(i)];
      ASSERT_NEAR(got[i], want, want * 6e-3 + 1e-7) << name << " " << i;
    }
  }
}

// x [m,k] by w, either of them stored transposed; the words say how they get into the right order.
TEST(Oracle, RuntimeProductsMultiply) {
  ANE_NEED_EVIDENCE("oracles/h13");
  static const std::regex form(R"((?:rrmm|env_mm)_r[23]rr_m(\d+)_k(\d+)_n(\d+)_tx(\d)_ty(\d)(?:_b1)?)");
  int checked = 0;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    std::smatch match;
    const std::string name = oracle.name;
    if (!std::regex_match(name, match, form)) continue;
    std::optional<Running> program = load_program(std::move(oracle));
    if (!program) continue;
    const size_t m = std::stoul(match[1]), k = std::stoul(match[2]), n = std::stoul(match[3]);
    const bool transposed_x = match[4] == "1", transposed_w = match[5] == "1";
    const std::vector<float> got = program->run();
    const bool x_first = program->surface("in0").slot < program->surface("in1").slot;
    ASSERT_TRUE(x_first || program->inputs.size() == 2);
    const std::vector<float>&x = program->inputs[0], &w = program->inputs[1];
    ASSERT_EQ(got.size(), m * n);
    for (size_t sample = 0; sample < 200; ++sample) {
      const size_t row = sample * 7919 % m, column = sample * 104729 % n;
      double want = 0;
      for (size_t i = 0; i < k; ++i)
        want += static_cast<double>(transposed_x ? x[i * m + row] : x[row * k + i]) *
                (transposed_w ? w[column * k + i] : w[i * n + column]);
      ASSERT_NEAR(got[row * n + column], want, std::fabs(want) * 0x1p-10 + 1e-4) << name;
    }
    ++checked;
  }
  EXPECT_GE(checked, 8);
}

// "env_bcast_mul_1x64x8x8_runtime_1x1x8x8" and the unary and chained programs whose meaning needs no
// constants.
TEST(Oracle, ElementwiseProgramsCompute) {
  ANE_NEED_EVIDENCE("oracles/h13");
  static const std::regex form(R"(env_bcast_(add|sub|mul)_\w+_runtime_\w+)");
  int checked = 0;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    std::smatch match;
    const std::string name = oracle.name;
    if (!std::regex_match(name, match, form)) continue;
    std::optional<Running> program = load_program(std::move(oracle));
    if (!program) continue;
    const std::vector<float> got = program->run();
    const hwx::Surface &a = program->surface("in0"), &b = program->surface("in1");
    for (size_t i = 0; i < got.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      const int64_t w = at % a.w, h = at / a.w % a.h, c = at / (a.w * a.h) % a.c, n = at / (a.w * a.h * a.c);
      const auto second = static_cast<size_t>(((n % b.n * b.c + c % b.c) * b.h + h % b.h) * b.w + w % b.w);
      const float p = program->inputs[0][i], q = program->inputs[1][second];
      ASSERT_EQ(got[i], round_to_half(match[1] == "add"   ? p + q
                                      : match[1] == "sub" ? p - q
                                                          : p * q))
          << name << " " << i;
    }
    ++checked;
  }
  EXPECT_GE(checked, 8);

  Running relu = one(evidence_folder, "env_chain_residual_relu_1x64x8x8");
  const std::vector<float> y = relu.run();
  for (size_t i = 0; i < y.size(); ++i)
    ASSERT_EQ(y[i], round_to_half(relu.inputs[0][i] + std::max(relu.inputs[0][i], 0.0f)));

  Running absolute = one(evidence_folder, "chain_add_relu_c512");
  const std::vector<float> sum = absolute.run();
  for (size_t i = 0; i < sum.size(); ++i)
    ASSERT_EQ(sum[i], std::max(round_to_half(absolute.inputs[0][i] + absolute.inputs[1][i]), 0.0f));
}

// ---- Everything ----

// Constants that let a program run at all: identity tables, weights for convolutions, a palette and no zeros
// to skip.
void put_any_constants(Running& program) {
  put_tables(program, {identity_table()});
  for (const Task& task : program.tasks)
    if (is_plain_convolution(task) && task.get(Field::MACCfg_NonlinearMode) != 2) put_weights(program, task);
}

// No rule of ours calls a program of Apple's compiler unsound. One capture uses what is not modelled.
TEST(Oracle, EveryCapturedProgramRunsWithoutHazard) {
  ANE_NEED_EVIDENCE("oracles/h13");
  int ran = 0;
  std::string refused;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    if (oracle.name.starts_with("conv_")) continue;  // ConvolutionsConvolve
    std::optional<Running> program = load_program(std::move(oracle));
    if (!program || program->file.constants.size() > 4 << 20) continue;  // keeps the test short
    if (program->oracle.name.starts_with("encoder_conv_pad")) continue;  // binary kernels: units_test
    put_any_constants(*program);
    try {
      program->run();
      ++ran;
    } catch (const std::exception& error) {
      refused += std::string(error.what()) + "\n";
    }
  }
  EXPECT_GT(ran, 100);
  EXPECT_EQ(refused, "less_bool_rr_1x64x1x1: task 2: coefficients other than fp16 are not modelled\n");
}

}  // namespace
}  // namespace ane::sim
