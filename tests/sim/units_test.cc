// Each unit of the engine, in programs of one or two tasks made by hand; expected values from the arithmetic
// that the task describes, in double.
#include <gtest/gtest.h>

#include <cmath>

#include "sim/task_builder.h"

namespace ane::sim {
namespace {

using namespace test;    // NOLINT
using namespace oracle;  // NOLINT

double value(uint16_t bits) {
  return to_float(Half{bits});
}

// ---- NE ----

struct ConvolutionCase {
  Size in;
  int64_t out, groups = 1;
  int width = 1, height = 1, stride = 1, left = 0, top = 0;
  bool bias = false, sparse = false, depthwise = false;
  int64_t cap = 16;
};

Size output_of(const ConvolutionCase& c) {
  // Padding right and below as much as left and above.
  return {c.out, (c.in.h + 2 * c.top - c.height) / c.stride + 1,
          (c.in.w + 2 * c.left - c.width) / c.stride + 1, 1};
}

std::vector<double> convolve(const ConvolutionCase& c, const Size& out, const std::vector<float>& x,
                             const Weights& weights) {
  std::vector<double> y;
  const int64_t per_group_in = c.in.c / c.groups, per_group_out = c.out / c.groups;
  for (int64_t o = 0; o < c.out; ++o)
    for (int64_t row = 0; row < out.h; ++row)
      for (int64_t column = 0; column < out.w; ++column) {
        double sum = weights.bias ? value(weights.bias(o)) : 0;
        for (int64_t i = 0; i < per_group_in; ++i)
          for (int64_t ky = 0; ky < c.height; ++ky)
            for (int64_t kx = 0; kx < c.width; ++kx) {
              const int64_t sy = row * c.stride + ky - c.top, sx = column * c.stride + kx - c.left;
              if (sy < 0 || sx < 0 || sy >= c.in.h || sx >= c.in.w) continue;
              const int64_t channel = o / per_group_out * per_group_in + i;
              sum += value(weights.weight(o, i, ky, kx)) *
                     x[static_cast<size_t>((channel * c.in.h + sy) * c.in.w + sx)];
            }
        y.push_back(sum);
      }
  return y;
}

void run_convolution(const ConvolutionCase& c) {
  const Size out = output_of(c);
  Weights weights;
  // Every third weight is 0, so that zeros are skipped somewhere.
  weights.weight = [&](int64_t o, int64_t i, int64_t y, int64_t x) {
    return (o + i + y + x) % 3 == 0 ? uint16_t{0} : scrambled(o, i, y, x);
  };
  if (c.bias) weights.bias = [](int64_t o) { return scrambled(o, 77); };
  Program program;
  const uint32_t x = program.add_input("x", c.in), y = program.add_output("y", out);
  const bool grouped = c.groups > 1 && !c.depthwise;
  const int64_t lanes_of = std::min<int64_t>(c.out / c.groups, 16);
  const int engines =
      static_cast<int>(std::ceil(std::log2(c.depthwise ? std::min<int64_t>(c.out, 16) : lanes_of)));
  Task task = neural_task(c.in, out, engines);
  read_dram(task, x, c.in), write_dram(task, y, out);
  set_window(task, c.width, c.height, c.stride, c.left, c.top);
  if (c.bias) task.set(Field::MACCfg_BiasMode, 1);
  if (c.sparse) task[Reg::KernelCfg] = 0x182, task[Reg::MasterConfig] = 0x20;
  if (c.cap == 32) task.set(Field::ConvCfg_OCGSize, 5);
  const KernelSpec spec{c.in.c / c.groups, c.height, c.width, c.stride, c.sparse};
  if (c.depthwise) {
    task[Reg::GroupConvCfg] = 0x14001;
    add_blocks(task, program.file.constants, pack_depthwise(spec, weights, c.out));
  } else if (grouped) {
    task[Reg::GroupConvCfg] = 0x10000 | u32(c.groups);
    task[Reg::Cin] = u32(c.in.c / c.groups), task[Reg::Cout] = u32(c.out / c.groups);
    task[Reg::Src1GroupStride] = row_bytes(c.in.w) * u32(c.in.h * c.in.c / c.groups);
    task[Reg::DstGroupStride] = row_bytes(out.w) * u32(out.h * c.out / c.groups);
    add_blocks(task, program.file.constants, pack_grouped(spec, weights, c.out, c.groups));
  } else {
    add_blocks(task, program.file.constants, pack_dense(spec, weights, c.out, c.cap));
  }
  program.tasks = {task};
  const std::vector<float> values = random_values(c.in.elements(), 20);
  expect_close(program.run({values}), convolve(c, out, values, weights), 1.01);
}

TEST(Neural, DenseConvolutions) {
  run_convolution({.in = {3, 9, 11}, .out = 5, .width = 3, .height = 3, .left = 1, .top = 1});
  run_convolution({.in = {7, 6, 5}, .out = 96, .width = 2, .height = 3, .top = 1, .bias = true});
  run_convolution({.in = {4, 20, 40}, .out = 32, .width = 5, .height = 1, .left = 2});
  run_convolution({.in = {8, 1, 1}, .out = 768, .cap = 32});
  run_convolution({.in = {8, 1, 1}, .out = 768, .bias = true});
}

TEST(Neural, SparseKernelsOfStridedConvolutions) {
  run_convolution({.in = {3, 9, 11},
                   .out = 5,
                   .width = 3,
                   .height = 3,
                   .stride = 2,
                   .left = 1,
                   .top = 1,
                   .sparse = true});
  run_convolution(
      {.in = {5, 8, 8}, .out = 96, .width = 3, .height = 3, .stride = 2, .bias = true, .sparse = true});
  run_convolution({.in = {5, 8, 8}, .out = 16, .stride = 2, .sparse = true});
}

TEST(Neural, SparseKernelsSkipZerosAtStrideOneToo) {
  run_convolution({.in = {5, 8, 8},
                   .out = 48,
                   .width = 3,
                   .height = 3,
                   .left = 1,
                   .top = 1,
                   .bias = true,
                   .sparse = true});
}

TEST(Neural, GroupedConvolutions) {
  run_convolution(
      {.in = {12, 6, 6}, .out = 8, .groups = 4, .width = 3, .height = 3, .left = 1, .top = 1, .bias = true});
  run_convolution(
      {.in = {6, 6, 6}, .out = 96, .groups = 2, .width = 3, .height = 3, .stride = 2, .sparse = true});
}

TEST(Neural, DepthwiseConvolutions) {
  run_convolution({.in = {40, 7, 9},
                   .out = 40,
                   .groups = 40,
                   .width = 3,
                   .height = 3,
                   .left = 1,
                   .top = 1,
                   .bias = true,
                   .depthwise = true});
  run_convolution({.in = {20, 8, 8},
                   .out = 20,
                   .groups = 20,
                   .width = 3,
                   .height = 3,
                   .stride = 2,
                   .sparse = true,
                   .depthwise = true});
  run_convolution({.in = {3, 8, 8}, .out = 3, .groups = 3, .width = 2, .height = 5, .depthwise = true});
}

// Two output pixels for each step of two: the kernel is stored twice, for the left and the right pixel, at
// even offsets first. Depthwise, nine wide, as in captured programs.
TEST(Neural, TwoOutputPixelsForEachStep) {
  const Size in{2, 1, 21};
  Program program;
  const Size out{2, 1, 22};
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = neural_task(in, {2, 1, 11}, 1);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::ConvCfg] = 0x6008c029, task[Reg::GroupConvCfg] = 0x14001, task[Reg::MACCfg] = 0x101c10;
  Blocks blocks(2);
  for (size_t engine = 0; engine < 2; ++engine) {
    const auto tap = [&](int k) {
      return k < 0 || k > 8 ? uint16_t{0} : scrambled(static_cast<int64_t>(engine), k);
    };
    blocks.half_word(engine, half(0.5)), blocks.half_word(engine, half(0.5));
    for (const int k : {0, 2, 4, 6, 8, 1, 3, 5, 7, 9})
      blocks.half_word(engine, tap(k)), blocks.half_word(engine, tap(k - 1));
  }
  add_blocks(task, program.file.constants, blocks);
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 21);
  std::vector<double> want;
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t column = 0; column < 22; ++column) {
      double sum = 0.5;
      for (int64_t k = 0; k < 9; ++k)
        if (const int64_t at = column + k - 4; at >= 0 && at < 21)
          sum += value(scrambled(c, k)) * values[static_cast<size_t>(c * 21 + at)];
      want.push_back(sum);
    }
  expect_close(program.run({values}), want, 1.01);
}

// A one-bit kernel: the palette's value where the mask has a bit. Kernel 2 x 1 with its left tap set and a
// pad of one moves the image to the right by one.
TEST(Neural, BinaryPaletteKernel) {
  const Size in{8, 2, 7}, out{8, 2, 8};
  Program program;
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = neural_task(in, out, 3);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::ConvCfg] = 0x5002a022, task[Reg::GroupConvCfg] = 0x14001, task[Reg::KernelCfg] = 0x8116;
  task[Reg::MasterConfig] = 0x20;
  Blocks blocks(8);
  for (size_t engine = 0; engine < 8; ++engine) {
    blocks.half_word(engine, half(1));
    blocks.align(engine);
    for (const uint8_t byte : Bytes{1, 0, 0, 1}) blocks.of_engine[engine].push_back(byte);
  }
  add_blocks(task, program.file.constants, blocks);
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 22);
  const std::vector<float> got = program.run({values});
  for (size_t row = 0; row < 16; ++row)
    for (size_t column = 0; column < 8; ++column)
      EXPECT_EQ(got[row * 8 + column], column == 0 ? 0 : values[row * 7 + column - 1]);
}

// The same two pixels for each step with a kernel of nine by nine, zeros skipped: 90 positions of two slots,
// the last mask half used. Sizes as published for a captured layer of this kind: 23 masks, one byte of 0x180
// per engine.
TEST(Neural, TwoOutputPixelsForEachStepOfASparseKernel) {
  const Size in{16, 8, 8}, out{16, 8, 8};
  Program program;
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = neural_task(in, {16, 8, 4}, 4);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::ConvCfg] = 0x6108c129, task[Reg::GroupConvCfg] = 0x14001, task[Reg::KernelCfg] = 0x182;
  task[Reg::MasterConfig] = 0x20, task[Reg::AccBias] = half(0.25);
  Blocks blocks(16);
  for (size_t engine = 0; engine < 16; ++engine) {
    std::vector<uint16_t> slots;
    const auto tap = [&](int row, int k) {
      return k < 0 || k > 8 ? uint16_t{0} : scrambled(static_cast<int64_t>(engine), row, k);
    };
    for (int parity = 0; parity < 2; ++parity)
      for (int row = 0; row < 9; ++row)
        for (int k = parity; k < 10; k += 2) slots.push_back(tap(row, k)), slots.push_back(tap(row, k - 1));
    Bytes& block = blocks.of_engine[engine];
    block = {static_cast<uint8_t>((23 + 162 * 2) & 255), (23 + 162 * 2) >> 8, 0};
    for (size_t first = 0; first < slots.size(); first += 8) {
      const size_t mask = block.size();
      block.push_back(0);
      for (size_t bit = 0; bit < 8 && first + bit < slots.size(); ++bit)
        if (slots[first + bit]) {
          block[mask] = static_cast<uint8_t>(block[mask] | 1u << bit);
          blocks.half_word(engine, slots[first + bit]);
        }
    }
    blocks.align(engine);
    ASSERT_EQ(block.size(), 0x180u);
  }
  add_blocks(task, program.file.constants, blocks);
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 31);
  std::vector<double> want;
  for (int64_t c = 0; c < 16; ++c)
    for (int64_t row = 0; row < 8; ++row)
      for (int64_t column = 0; column < 8; ++column) {
        double sum = 0.25;
        for (int64_t ky = 0; ky < 9; ++ky)
          for (int64_t kx = 0; kx < 9; ++kx) {
            const int64_t sy = row + ky - 4, sx = column + kx - 4;
            if (sy >= 0 && sx >= 0 && sy < 8 && sx < 8)
              sum += value(scrambled(c, ky, kx)) * values[static_cast<size_t>((c * 8 + sy) * 8 + sx)];
          }
        want.push_back(sum);
      }
  expect_close(program.run({values}), want, 1.05);
}

// Each output channel the weighted sum of two input channels, weights of one byte each: as in the captured
// comparison, channel after channel of an engine, its two inputs side by side.
TEST(Neural, Int8KernelOfAComparison) {
  const Size in{64, 1, 3}, out{32, 1, 3};
  Program program;
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = neural_task(in, out, 4);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::GroupConvCfg] = 0x24001, task[Reg::KernelCfg] = 0x81, task[Reg::MACCfg] = 0x100000;
  const auto weight = [](size_t channel, size_t input) {
    return static_cast<int8_t>(static_cast<int>(channel * 37 + input * 101) % 256 - 128);
  };
  Blocks blocks(16);
  for (size_t channel = 0; channel < 32; ++channel)
    for (size_t input = 0; input < 2; ++input)
      blocks.of_engine[channel % 16].push_back(static_cast<uint8_t>(weight(channel, input)));
  add_blocks(task, program.file.constants, blocks);
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 32);
  std::vector<double> want;
  for (size_t channel = 0; channel < 32; ++channel)
    for (size_t column = 0; column < 3; ++column)
      want.push_back(static_cast<double>(weight(channel, 0)) * values[channel * 6 + column] +
                     static_cast<double>(weight(channel, 1)) * values[channel * 6 + 3 + column]);
  expect_close(program.run({values}), want, 1.01);
}

TEST(Neural, WindowSumsAndMaxima) {
  const Size in{3, 6, 7}, out{3, 3, 4};
  for (const bool maximum : {false, true}) {
    Program program;
    const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
    Task task = neural_task(in, out, 2);
    read_dram(task, x, in), write_dram(task, y, out);
    set_window(task, 3, 2, 2, 1, 0);
    task[Reg::GroupConvCfg] = 0x14001;
    task[Reg::MACCfg] = maximum ? 0x101c0b : 0x101c08;
    task[Reg::L2Cfg] = maximum ? 4 : 0;
    task[Reg::PostScale] = maximum ? 0x3c00u : half(1.0 / 6);
    program.tasks = {task};
    std::vector<float> values = random_values(in.elements(), 23);
    for (float& v : values) v -= 2;  // all below 0: padding must not win a maximum
    for (float& v : values) v = round_to_half(v);
    std::vector<double> want;
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t row = 0; row < 3; ++row)
        for (int64_t column = 0; column < 4; ++column) {
          double sum = 0, most = -100;
          for (int64_t ky = 0; ky < 2; ++ky)
            for (int64_t kx = 0; kx < 3; ++kx) {
              const int64_t sx = column * 2 + kx - 1;
              if (sx < 0 || sx >= 7) continue;
              const double v = values[static_cast<size_t>((c * 6 + row * 2 + ky) * 7 + sx)];
              sum += v, most = std::max(most, v);
            }
          want.push_back(maximum ? most : sum * value(half(1.0 / 6)));
        }
    expect_close(program.run({values}), want, maximum ? 0 : 1.01);
  }
}

TEST(Neural, ChannelSumAndMaximum) {
  const Size in{50, 3, 4}, out{1, 3, 4};
  for (const bool maximum : {false, true}) {
    Program program;
    const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
    Task task = neural_task(in, out, 0);
    read_dram(task, x, in), write_dram(task, y, out);
    task[Reg::MACCfg] = maximum ? 0x101c0b : 0x101c08;
    if (maximum) task[Reg::GroupConvCfg] = 50u << 16 | 0x4001, task[Reg::L2Cfg] = 4;
    program.tasks = {task};
    const std::vector<float> values = random_values(in.elements(), 24);
    std::vector<double> want(12, maximum ? -100.0 : 0.0);
    for (size_t i = 0; i < values.size(); ++i) {
      double& to = want[i % 12];
      to = maximum ? std::max<double>(to, values[i]) : to + values[i];
    }
    expect_close(program.run({values}), want, 1.01);
  }
}

// Sums overflow at 32768, single products at 65520; the start value of the accumulator counts for sums, not
// for copies.
TEST(Neural, AccumulatorRange) {
  const Size in{2, 1, 4}, out{1, 1, 4};
  Program program;
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = neural_task(in, out, 0);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::MACCfg] = 0x101c08;
  program.tasks = {task};
  EXPECT_EQ(program.run({{16000, 16384, -30000, INFINITY, 16752, 16384, -30000, -INFINITY}}),
            (std::vector<float>{32752, INFINITY, -INFINITY, 0}));

  Program copy;
  const Size size{1, 1, 3};
  Task move = copy_task(size);
  read_dram(move, copy.add_input("x", size), size), write_dram(move, copy.add_output("y", size), size);
  move[Reg::AccBias] = half(5), move[Reg::PostScale] = half(2);
  copy.tasks = {move};
  EXPECT_EQ(copy.run({{32000, 1, 40000}}), (std::vector<float>{64000, 2, INFINITY}));
  copy.tasks[0][Reg::MACCfg] = 0x101c08;  // the same as a sum over one term, with the start value
  EXPECT_EQ(copy.run({{32000, 1, -8}}), (std::vector<float>{64000, 12, -6}));
}

TEST(Neural, TransposedResultExchangesChannelsAndColumns) {
  const Size in{6, 2, 10}, out{10, 2, 6};
  Program program;
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = copy_task(in);
  task.set(Field::Cfg_OutputTranspose, 1);
  read_dram(task, x, in), write_dram(task, y, out);
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 25);
  const std::vector<float> got = program.run({values});
  for (size_t c = 0; c < 6; ++c)
    for (size_t row = 0; row < 2; ++row)
      for (size_t column = 0; column < 10; ++column)
        EXPECT_EQ(got[(column * 2 + row) * 6 + c], values[(c * 2 + row) * 10 + column]);
}

// The coefficients are an input surface, channel after channel, in lanes of one.
TEST(Neural, RuntimeKernelFromASurface) {
  const Size in{32, 1, 5}, kernel{1, 16, 32}, out{16, 1, 5};
  Program program;
  const uint32_t x = program.add_input("x", in), w = program.add_input("w", kernel),
                 y = program.add_output("y", out);
  Task task = neural_task(in, out, 4);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::KernelCfg] = 0x10082, task[Reg::MasterConfig] = 0x40;
  task.set(HeaderField::KBase0, w), task.set(HeaderField::KBE0, 1);
  for (int i = 0; i < 16; ++i) {
    task[Reg::CoeffDMAConfig0 + i] = 0x81;
    task[Reg::CoeffBaseAddr0 + i] = 64 * static_cast<uint32_t>(i), task[Reg::CoeffBfrSize0 + i] = 64;
  }
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 26),
                           weights = random_values(kernel.elements(), 27);
  std::vector<double> want;
  for (size_t o = 0; o < 16; ++o)
    for (size_t column = 0; column < 5; ++column) {
      double sum = 0;
      for (size_t i = 0; i < 32; ++i)
        sum += static_cast<double>(weights[o * 32 + i]) * values[i * 5 + column];
      want.push_back(sum);
    }
  expect_close(program.run({values, weights}), want, 1.01);
}

TEST(Neural, TableStandsBeforeBiasAndWeights) {
  const Size in{3, 2, 2}, out{2, 2, 2};
  Program program;
  const uint32_t x = program.add_input("x", in), y = program.add_output("y", out);
  Task task = neural_task(in, out, 1);
  read_dram(task, x, in), write_dram(task, y, out);
  task[Reg::MACCfg] = 0x121c10;
  Blocks blocks(2);
  for (size_t engine = 0; engine < 2; ++engine) {
    uint16_t table[64] = {0xfc00, 0x7c00, 0xfc00, 0x7c00};  // x below 0: a quarter
    table[37] = half(0.25), table[39] = half(1), table[41] = 64, table[42] = 1;
    for (const uint16_t word : table) blocks.half_word(engine, word);
    blocks.half_word(engine, half(engine == 0 ? 1 : -1));
    for (int i = 0; i < 3; ++i) blocks.half_word(engine, half(i + 1));
  }
  add_blocks(task, program.file.constants, blocks);
  program.tasks = {task};
  const std::vector<float> values = random_values(in.elements(), 28);
  std::vector<double> want;
  for (const double bias : {1.0, -1.0})
    for (size_t i = 0; i < 4; ++i) {
      const double sum = bias + values[i] + 2.0 * values[4 + i] + 3.0 * values[8 + i];
      want.push_back(sum < 0 ? sum / 4 : sum);
    }
  expect_close(program.run({values}), want, 1.01);
}

// ---- PE ----

std::vector<float> run_pair(const Size& size, uint32_t configuration, uint32_t bias_scale,
                            const std::vector<float>& a, const std::vector<float>& b) {
  Program program;
  const uint32_t first = program.add_input("a", size), second = program.add_input("b", size);
  Task task = planar_task(size, 3);
  read_dram(task, first, size), read_dram2(task, second, size),
      write_dram(task, program.add_output("y", size), size);
  task[Reg::PECfg] = configuration, task[Reg::BiasScale] = bias_scale;
  program.tasks = {task};
  return program.run({a, b});
}

TEST(Planar, TwoSources) {
  const Size size{3, 5, 9};
  const std::vector<float> a = random_values(size.elements(), 30, 4),
                           b = random_values(size.elements(), 31, 4);
  const auto expect = [&](uint32_t configuration, uint32_t bias_scale,
                          const std::function<double(double, double)>& f) {
    std::vector<double> want;
    for (size_t i = 0; i < a.size(); ++i) want.push_back(f(a[i], b[i]));
    expect_close(run_pair(size, configuration, bias_scale, a, b), want, 0.51);
  };
  constexpr uint32_t one = 0x3c000000;
  expect(0x80000, one, [](double p, double q) { return p + q; });
  expect(0xc0000, one, [](double p, double q) { return p - q; });
  expect(0x80004, one, [](double p, double q) { return p * q; });
  expect(0x80008, one, [](double p, double q) { return std::max(p, q); });
  expect(0x8000c, one, [](double p, double q) { return std::min(p, q); });
  expect(0x80010, one, [](double p, double q) { return (p + q) * (p + q); });
  expect(0x80020, one, [](double p, double q) { return std::max(p + q, 0.0); });
  expect(0x80040, one, [](double p, double q) { return std::fabs(p + q); });
  // The scale and the offset follow the operation, as softmax needs: (x - max) * log2(e).
  expect(0xc0000, 0x3dc50000u | half(0.25),
         [](double p, double q) { return (p - q) * value(0x3dc5) + 0.25; });
}

TEST(Planar, SignedZeroAndInfinities) {
  const std::vector<float> y =
      run_pair({1, 1, 4}, 0x80000, 0x3c000000, {-0.0f, INFINITY, NAN, 65504}, {0, -INFINITY, 1, 16});
  EXPECT_FALSE(std::signbit(y[0]));
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], INFINITY);
  EXPECT_EQ(y[3], INFINITY);
}

TEST(Planar, ScalarsAndFunctions) {
  const Size size{2, 2, 16};
  Program program;
  Task task = planar_task(size, 2);
  read_dram(task, program.add_input("x", size), size), write_dram(task, program.add_output("y", size), size);
  task[Reg::BiasScale] = static_cast<uint32_t>(half(3)) << 16 | half(-0.5);
  program.tasks = {task};
  std::vector<float> x = random_values(size.elements(), 32);
  for (float& v : x) v = round_to_half(std::fabs(v) + 0.5f);
  const auto expect = [&](const std::function<double(double)>& f) {
    std::vector<double> want;
    for (const float v : x) want.push_back(f(v));
    expect_close(program.run({x}), want, 0.51);
  };
  expect([](double v) { return 3 * v - 0.5; });
  program.tasks[0][Reg::PECfg] = 0x1000;
  expect([](double v) { return 1 / (3 * v - 0.5); });
  program.tasks[0][Reg::PECfg] = 0x2000, program.tasks[0][Reg::PreScale] = 0x3c000000u | half(0.125);
  expect([](double v) { return 1 / std::sqrt(3 * v - 0.5 + 0.125); });
}

// A source of length 1 along some axes, left in L2 by a copy; all combinations of the broadcast bits of
// source 2.
TEST(Planar, Broadcasts) {
  const Size size{3, 4, 20};
  for (uint32_t bits = 0; bits < 8; ++bits) {
    const Size small{bits & 4 ? 1 : size.c, bits & 2 ? 1 : size.h, bits & 1 ? 1 : size.w};
    Program program;
    const uint32_t a = program.add_input("a", size), b = program.add_input("b", small);
    const L2Place place{0x100, small};
    Task copy = copy_task(small);
    read_dram(copy, b, small), write_l2(copy, place);
    copy[Reg::SourceBase] = 0x100000;
    Task add = planar_task(size, 3);
    read_dram(add, a, size), read2_l2(add, place), write_dram(add, program.add_output("y", size), size);
    add[Reg::SourceBase] = 0x100000;
    add[Reg::PECfg] = 0x80000;
    add[Reg::PESrcCfg] = (bits & 3) << 4 | (bits & 4) << 5;
    program.tasks = {copy, add};
    const std::vector<float> left = random_values(size.elements(), 33),
                             right = random_values(small.elements(), 34);
    std::vector<double> want;
    for (int64_t c = 0; c < size.c; ++c)
      for (int64_t h = 0; h < size.h; ++h)
        for (int64_t w = 0; w < size.w; ++w) {
          const int64_t at = ((c % small.c) * small.h + h % small.h) * small.w + w % small.w;
          want.push_back(static_cast<double>(left[static_cast<size_t>((c * size.h + h) * size.w + w)]) +
                         right[static_cast<size_t>(at)]);
        }
    expect_close(program.run({left, right}), want, 0.51);
  }
}

// A vector with a value for each channel, stored along W: transposed source, transposed result, and the two
// rows of offset and gain.
TEST(Planar, TransposedOperands) {
  const Size row{1, 1, 24}, column{24, 1, 1};
  Program program;
  Task turn = planar_task(column, 2);
  read_dram(turn, program.add_input("x", column), column);
  const L2Place place{0, row};
  turn[Reg::SourceBase] = 0x100000;
  write_l2(turn, place);
  turn[Reg::PESrcCfg] = 0x400;
  Task back = planar_task(column, 2);
  read_l2(back, place, 0x400000), write_dram(back, program.add_output("y", column), column);
  back[Reg::PESrcCfg] = 0x100, back[Reg::BiasScale] = static_cast<uint32_t>(half(2)) << 16;
  program.tasks = {turn, back};
  const std::vector<float> x = random_values(24, 35);
  std::vector<double> want;
  for (const float v : x) want.push_back(2.0 * v);
  expect_close(program.run({x}), want, 0);
}

TEST(Planar, GainAndOffset) {
  const Size size{8, 3, 5}, rows{1, 2, 8};
  Program program;
  Task copy = copy_task(rows);
  program.file.constants.resize(64);  // two rows of eight halfwords at 0 and, strides being 64, at 64
  program.file.constants.resize(128);
  for (int i = 0; i < 8; ++i) {
    const uint16_t offset = half(i), gain = half(0.5 * i - 1);
    std::memcpy(program.file.constants.data() + 2 * i, &offset, 2);
    std::memcpy(program.file.constants.data() + 64 + 2 * i, &gain, 2);
  }
  read_dram(copy, 1, rows);
  copy[Reg::SourceBase] = 0x100000;
  const L2Place place{0x40, rows};
  write_l2(copy, place);
  Task task = planar_task(size, 4);
  read_dram(task, program.add_input("x", size), size), read2_l2(task, place);
  write_dram(task, program.add_output("y", size), size);
  task[Reg::SourceBase] = 0x100000;
  task[Reg::PECfg] = 0x80000, task[Reg::PESrcCfg] = 0x200;
  const std::vector<float> x = random_values(size.elements(), 36);
  for (const bool negative : {false, true}) {
    task.set(Field::PECfg_NegSrc2, negative ? 1 : 0);
    program.tasks = {copy, task};
    std::vector<double> want;
    for (size_t i = 0; i < x.size(); ++i) {
      const double channel = static_cast<double>(i / 15);
      want.push_back((x[i] + (negative ? -channel : channel)) * (0.5 * channel - 1));
    }
    expect_close(program.run({x}), want, 0.51);
  }
}

TEST(Planar, Reductions) {
  const Size size{5, 6, 7}, one{5, 1, 1};
  const std::vector<float> x = random_values(size.elements(), 37, 3);
  const auto expect = [&](uint32_t configuration, uint32_t padding, float scale, const auto& fold) {
    Program program;
    Task task = planar_task(size, 5);
    read_dram(task, program.add_input("x", size), size), write_dram(task, program.add_output("y", one), one);
    task[Reg::PECfg] = configuration, task[Reg::L2Cfg] = padding;
    task[Reg::FinalScale] = std::bit_cast<uint32_t>(scale);
    program.tasks = {task};
    std::vector<double> want;
    for (size_t c = 0; c < 5; ++c) want.push_back(fold(std::span(x).subspan(c * 42, 42)));
    expect_close(program.run({x}), want, 0.6);
  };
  const auto sum = [](std::span<const float> values, auto term) {
    double total = 0;
    for (const float v : values) total += term(static_cast<double>(v));
    return total;
  };
  expect(0, 0, 1, [&](auto v) { return sum(v, [](double t) { return t; }); });
  expect(0, 0, 1.0f / 42, [&](auto v) { return sum(v, [](double t) { return t; }) / 42; });
  expect(0x10, 0, 1.0f / 42, [&](auto v) { return sum(v, [](double t) { return t * t; }) / 42; });
  expect(0x1010, 0, 1, [&](auto v) { return 1 / sum(v, [](double t) { return t * t; }); });
  expect(2, 4, 1, [](auto v) { return static_cast<double>(*std::max_element(v.begin(), v.end())); });
}

TEST(Planar, WindowedPooling) {
  const Size in{2, 5, 6}, out{2, 3, 3};
  const std::vector<float> x = [&] {
    std::vector<float> values = random_values(in.elements(), 38);
    for (float& v : values) v = round_to_half(v - 3);
    return values;
  }();
  for (const bool maximum : {false, true}) {
    Program program;
    Task task = planar_task(in, 1);
    read_dram(task, program.add_input("x", in), in), write_dram(task, program.add_output("y", out), out);
    task[Reg::OutDim] = 3u << 16 | 3;
    set_window(task, 3, 3, 2, 1, 1);
    task[Reg::PECfg] = maximum ? 2 : 1, task[Reg::L2Cfg] = maximum ? 4 : 0;
    task[Reg::FinalScale] = std::bit_cast<uint32_t>(maximum ? 1.0f : 1.0f / 9);
    program.tasks = {task};
    std::vector<double> want;
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t row = 0; row < 3; ++row)
        for (int64_t column = 0; column < 3; ++column) {
          double total = 0, most = -100;
          for (int64_t y = row * 2 - 1; y < row * 2 + 2; ++y)
            for (int64_t z = column * 2 - 1; z < column * 2 + 2; ++z) {
              if (y < 0 || y >= 5 || z < 0 || z >= 6) continue;
              const double v = x[static_cast<size_t>((c * 5 + y) * 6 + z)];
              total += v, most = std::max(most, v);
            }
          want.push_back(maximum ? most : total / 9);
        }
    expect_close(program.run({x}), want, 0.6);
  }
}

// ---- Memory ----

// Channels in blocks of four: [block][row][column][4].
TEST(Dma, InterleavedChannels) {
  const Size size{10, 2, 16}, stored{3, 2, 64};
  Program program;
  const uint32_t x = program.add_input("x", stored);
  Task task = copy_task(size);
  read_dram(task, x, stored), write_dram(task, program.add_output("y", size), size);
  task[Reg::Src1Fmt] = 0x04002031, task[Reg::SourceCfg] = 0x472;
  program.tasks = {task};
  const std::vector<float> values = random_values(stored.elements(), 39);
  const std::vector<float> got = program.run({values});
  for (size_t c = 0; c < 10; ++c)
    for (size_t row = 0; row < 2; ++row)
      for (size_t column = 0; column < 16; ++column)
        EXPECT_EQ(got[(c * 2 + row) * 16 + column], values[(c / 4 * 2 + row) * 64 + column * 4 + c % 4]);
}

TEST(Dma, BytesInAndHalvesOut) {
  const Size size{3, 2, 70};
  Program program;
  const uint32_t x = program.add_surface(hwx::Role::Input, "x", size, 3);
  Task task = planar_task(size, 2);
  read_dram(task, x, size), write_dram(task, program.add_output("y", size), size);
  task[Reg::Src1RowStride] = 128, task[Reg::Src1PlaneStride] = 256, task[Reg::Src1DepthStride] = 768;
  task[Reg::ChCfg] = 0x20, task[Reg::Src1Fmt] = 0x01000000, task[Reg::SourceCfg] = 0x132;
  program.tasks = {task};
  std::vector<float> values;
  for (int i = 0; i < size.elements(); ++i) values.push_back(static_cast<float>(i * 7 % 256));
  EXPECT_EQ(program.run({values}), values);
}

TEST(Dma, BatchesStepByTheGroupStride) {
  const Size size{3, 2, 5, 4};
  Program program;
  Task task = planar_task(size, 2);
  read_dram(task, program.add_input("x", size), size), write_dram(task, program.add_output("y", size), size);
  program.tasks = {task};
  const std::vector<float> values = random_values(size.elements(), 40);
  EXPECT_EQ(program.run({values}), values);
}

TEST(Statistics, CountWhatMoves) {
  const Size in{3, 9, 11}, out{2, 9, 11};
  Program program;
  Task task = neural_task(in, out, 1);
  read_dram(task, program.add_input("x", in), in), write_dram(task, program.add_output("y", out), out);
  Weights weights{[](int64_t, int64_t, int64_t, int64_t) { return half(1); }, nullptr};
  set_window(task, 3, 3, 1, 1, 1);
  add_blocks(task, program.file.constants, pack_dense({3, 3, 3, 1, false}, weights, 2, 16));
  program.tasks = {task};
  Simulator simulator = program.simulator();
  simulator.set_input("x", random_values(in.elements(), 41));
  size_t steps = 0;
  std::vector<std::string> lines;
  const Statistics statistics = simulator.run({[&](size_t, size_t count) { steps += count; },
                                               [&](const std::string& line) { lines.push_back(line); }});
  EXPECT_EQ(statistics.multiply_accumulates, 2u * 99 * 27);
  EXPECT_EQ(statistics.dram_bytes_read, 3u * 99 * 2);
  EXPECT_EQ(statistics.dram_bytes_written, 2u * 99 * 2);
  EXPECT_EQ(statistics.coefficient_bytes, 2u * 64);
  EXPECT_EQ(steps, 1u);
  EXPECT_EQ(lines, std::vector<std::string>{
                       "task 0: NE convolution 3x3; input 'x'+0x0 3x9x11 -> output 'y'+0x0 2x9x11"});
}

}  // namespace
}  // namespace ane::sim
