// One task: acc = sum of weights * inputs (+ bias), times PostScale, through the activation. Dense sums are
// matrix products (gemm.h); sums over one or a few channels run row by row.
#include "sim/neural.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "base/parallel.h"
#include "sim/gemm.h"
#include "sim/numerics.h"

namespace ane::sim {

namespace {

using h13::Field;
using h13::Task;

enum class Operation { Copy, Sum, Maximum, Weighted };

constexpr uint32_t op_sum = 0, op_maximum = 3, op_bypass = 4;

Operation operation_of(const Task& task) {
  const uint32_t op = task.get(Field::MACCfg_OpMode);
  const bool ones = task.get(Field::MACCfg_KernelMode) != 0;
  if (op == op_sum) return ones ? Operation::Sum : Operation::Weighted;
  if (op == op_maximum && ones) return Operation::Maximum;
  if (op == op_bypass && ones) return Operation::Copy;
  throw Hazard(fmt::format("MACCfg.OpMode {} with KernelMode {} is not known", op, ones ? 1 : 0));
}

float half_field(const Task& task, Field field) {
  return as_operand(to_float(Half{static_cast<uint16_t>(task.get(field))}));
}

// What follows the accumulator, for one output channel.
struct Ending {
  float bias = 0, scale = 1;
  bool several_terms = false, relu = false;
  const LookupTable* table = nullptr;

  void apply(float* values, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      float value = without_nan(saturate_sum(values[i] + bias, several_terms) * scale);
      if (table) value = without_nan((*table)(value));
      values[i] = relu ? std::max(value, 0.0f) : value;
    }
  }
};

// The strides between output pixels, in input pixels.
struct Steps {
  int64_t x, y;
};
Steps steps_of(const Window& window) {
  return {window.stride_x / window.outputs_x, window.stride_y / window.outputs_y};
}

// An image with its padding around it, so that no window leaves it.
struct Padded {
  std::vector<float> storage;
  const float* data = nullptr;
  int64_t height = 0, width = 0;
};

Padded pad(const float* image, const Shape& in, const Shape& out, const Window& window, float value) {
  const Steps steps = steps_of(window);
  Padded padded;
  padded.height = (out.height - 1) * steps.y + window.height;
  padded.width = (out.width - 1) * steps.x + window.width;
  if (window.pad_left == 0 && window.pad_top == 0 && padded.height <= in.height && padded.width <= in.width) {
    padded.height = in.height, padded.width = in.width, padded.data = image;
    return padded;
  }
  padded.storage.assign(static_cast<size_t>(in.channels * padded.height * padded.width), value);
  const int64_t rows = std::min(in.height, padded.height - window.pad_top);
  const int64_t columns = std::min(in.width, padded.width - window.pad_left);
  for (int64_t row = 0; columns > 0 && row < in.channels * std::max<int64_t>(rows, 0); ++row) {
    const int64_t channel = row / rows, y = row % rows;
    float* to = padded.storage.data() + (channel * padded.height + y + window.pad_top) * padded.width +
                window.pad_left;
    std::memcpy(to, image + (channel * in.height + y) * in.width,
                static_cast<size_t>(columns) * sizeof(float));
  }
  padded.data = padded.storage.data();
  return padded;
}

// ---- Sums over few channels ----

struct Accumulate {
  float weight;
  void operator()(float& sum, float value) const { sum += value * weight; }
};
struct KeepMaximum {
  void operator()(float& most, float value) const { most = std::max(most, value); }
};

template <typename Step>
void over_row(float* out, const float* in, int64_t count, int64_t stride, Step step) {
  if (stride == 1)
    for (int64_t x = 0; x < count; ++x) step(out[x], in[x]);
  else
    for (int64_t x = 0; x < count; ++x) step(out[x], in[x * stride]);
}

// One output channel from `inputs` channels of `padded`, starting at `first`; `weights` is null for sums and
// maxima.
void window_channel(const Padded& padded, int64_t first, int64_t inputs, const Window& window,
                    const Shape& out, const float* weights, bool maximum, float* result) {
  const Steps steps = steps_of(window);
  std::fill(result, result + out.height * out.width, maximum ? -infinity : 0.0f);
  for (int64_t y = 0; y < out.height; ++y)
    for (int64_t input = 0; input < inputs; ++input)
      for (int64_t ky = 0; ky < window.height; ++ky)
        for (int64_t kx = 0; kx < window.width; ++kx) {
          const float* row =
              padded.data + ((first + input) * padded.height + y * steps.y + ky) * padded.width + kx;
          float* to = result + y * out.width;
          if (maximum)
            over_row(to, row, out.width, steps.x, KeepMaximum{});
          else
            over_row(to, row, out.width, steps.x,
                     Accumulate{weights ? weights[(input * window.height + ky) * window.width + kx] : 1.0f});
        }
}

// ---- Dense sums ----

// Products of all output channels with a strip of output pixels at a time.
class DenseConvolution {
 public:
  DenseConvolution(const Padded& padded, const Shape& in, const Shape& out, const Window& window)
      : padded_(padded), out_(out), steps_(steps_of(window)) {
    for (int64_t channel = 0; channel < in.channels; ++channel)
      for (int64_t ky = 0; ky < window.height; ++ky)
        for (int64_t kx = 0; kx < window.width; ++kx)
          offsets_.push_back((channel * padded.height + ky) * padded.width + kx);
  }

  void run(const std::vector<float>& panels, float* result) const {
    const int64_t strips = (pixels() + panel_columns - 1) / panel_columns;
    const int64_t blocks = (strips + strips_of_block - 1) / strips_of_block;
    const int64_t rows = (out_.channels + panel_rows - 1) / panel_rows;
    parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * strips_of_block, count = std::min(strips_of_block, strips - first);
        std::vector<float> columns(static_cast<size_t>(count * depth() * panel_columns));
        for (int64_t strip = 0; strip < count; ++strip)
          gather(first + strip, columns.data() + strip * depth() * panel_columns);
        const int64_t grain =
            blocks > 1 ? rows : std::max<int64_t>(1, (1 << 20) / (depth() * panel_rows * panel_columns));
        parallel_for(rows, grain, [&](int64_t row_begin, int64_t row_end) {
          for (int64_t row = row_begin; row < row_end; ++row)
            for (int64_t strip = 0; strip < count; ++strip)
              multiply(panels.data() + row * panel_rows * depth(),
                       columns.data() + strip * depth() * panel_columns, row, first + strip, result);
        });
      }
    });
  }

 private:
  static constexpr int64_t strips_of_block = 8;

  int64_t depth() const { return static_cast<int64_t>(offsets_.size()); }
  int64_t pixels() const { return out_.height * out_.width; }

  // The inputs of one strip's pixels, as [depth][panel_columns].
  void gather(int64_t strip, float* to) const {
    const int64_t first = strip * panel_columns, count = std::min(panel_columns, pixels() - first);
    int64_t starts[panel_columns] = {};
    for (int64_t i = 0; i < count; ++i) {
      const int64_t y = (first + i) / out_.width, x = (first + i) % out_.width;
      starts[i] = y * steps_.y * padded_.width + x * steps_.x;
    }
    const bool adjoining =
        count == panel_columns && starts[panel_columns - 1] - starts[0] == panel_columns - 1;
    for (const int64_t offset : offsets_) {
      const float* from = padded_.data + offset;
      if (adjoining)
        std::memcpy(to, from + starts[0], panel_columns * sizeof(float));
      else
        for (int64_t i = 0; i < count; ++i) to[i] = from[starts[i]];
      to += panel_columns;
    }
  }

  void multiply(const float* panel, const float* columns, int64_t row, int64_t strip, float* result) const {
    float tile[panel_rows * panel_columns];
    multiply_panels(panel, columns, depth(), tile);
    const int64_t first = strip * panel_columns, count = std::min(panel_columns, pixels() - first);
    for (int64_t i = 0; i < panel_rows && row * panel_rows + i < out_.channels; ++i)
      std::memcpy(result + (row * panel_rows + i) * pixels() + first, tile + i * panel_columns,
                  static_cast<size_t>(count) * sizeof(float));
  }

  const Padded& padded_;
  Shape out_;
  Steps steps_;
  std::vector<int64_t> offsets_;
};

// ---- The task ----

class NeuralTask {
 public:
  NeuralTask(const Task& task, const Descriptor& descriptor, const Coefficients& coefficients)
      : descriptor_(descriptor),
        coefficients_(coefficients),
        operation_(operation_of(task)),
        unicast_(task.get(Field::GroupConvCfg_UnicastEn) != 0),
        inputs_(inputs_per_output(task, descriptor)) {
    ending_.scale = half_field(task, Field::PostScale_PostScale);
    ending_.relu = task.get(Field::MACCfg_NonlinearMode) == 1;
    ending_.table = coefficients.table ? &*coefficients.table : nullptr;
    // A copy leaves the accumulator out, and with it the accumulator's start value.
    if (operation_ != Operation::Copy) ending_.bias = half_field(task, Field::AccBias_AccBias);
    ending_.several_terms =
        operation_ != Operation::Copy && operation_ != Operation::Maximum && coefficients.length > 1;
    check(task);
  }

  NeuralResult run(const Tensor& source) const {
    NeuralResult result{Tensor(descriptor_.output), 0};
    for (int64_t group = 0; group < descriptor_.output.groups; ++group) {
      const int64_t kernel = coefficients_.kernels > 1 ? group : 0;
      const std::vector<float> panels =
          dense() ? pack_panels(weights(kernel, 0), descriptor_.output.channels, coefficients_.length)
                  : std::vector<float>();
      for (int64_t z = 0; z < descriptor_.output.depth; ++z)
        run_image(source.image(group, z), kernel, panels, result.tensor.image(group, z));
    }
    if (operation_ == Operation::Weighted)
      result.multiply_accumulates =
          static_cast<uint64_t>(descriptor_.output.elements()) * static_cast<uint64_t>(coefficients_.length);
    return result;
  }

 private:
  void check(const Task& task) const {
    if (task.get(Field::MACCfg_NonlinearMode) == 3) throw Hazard("MACCfg.NonlinearMode 3 is not known");
    if (task.get(Field::MACCfg_MatrixBiasEn) || task.get(Field::AccBias_AccBiasShift) ||
        task.get(Field::PostScale_PostRightShift) || task.get(Field::GroupConvCfg_ElemMultMode))
      throw Hazard("the task uses an NE register whose effect is not known");
    if (!task.get(Field::MACCfg_Bit20))
      throw Hazard("MACCfg bit 20 is 0 in an NE task, which computes garbage");
    if (descriptor_.input.depth != descriptor_.output.depth || task.get(Field::ConvCfg3d_Kd) != 1)
      throw Hazard("windows over depth are not modelled");
    const Window& window = descriptor_.window;
    if (window.stride_x % window.outputs_x != 0 || window.stride_y % window.outputs_y != 0)
      throw Hazard("more output pixels than input steps; transposed convolutions are not modelled");
    if (operation_ == Operation::Copy) {
      if (!(descriptor_.input == descriptor_.output))
        throw Hazard("a copy whose input and output sizes differ, which hangs the engine");
      if (!unicast_) throw Hazard("a copy without UnicastEn is not known");
    }
  }

  bool dense() const { return operation_ == Operation::Weighted && !unicast_; }

  const float* weights(int64_t kernel, int64_t channel) const {
    if (coefficients_.weights.empty()) return nullptr;
    return coefficients_.weights.data() + (kernel * coefficients_.channels + channel) * coefficients_.length;
  }

  void run_image(const float* image, int64_t kernel, const std::vector<float>& panels, float* result) const {
    const Shape &in = descriptor_.input, &out = descriptor_.output;
    const int64_t pixels = out.height * out.width;
    if (operation_ == Operation::Copy) {
      std::memcpy(result, image, static_cast<size_t>(out.channels * pixels) * sizeof(float));
    } else {
      const float outside = descriptor_.pad_with_minimum ? -infinity : 0.0f;
      const Padded padded = pad(image, in, out, descriptor_.window, outside);
      if (dense())
        DenseConvolution(padded, in, out, descriptor_.window).run(panels, result);
      else
        run_windows(padded, kernel, result);
    }
    parallel_for(out.channels, std::max<int64_t>(1, (1 << 14) / pixels), [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel)
        finish(kernel, channel, result + channel * pixels, pixels);
    });
  }

  void run_windows(const Padded& padded, int64_t kernel, float* result) const {
    const Shape& out = descriptor_.output;
    const int64_t pixels = out.height * out.width;
    // Without weights and without unicast all output channels are the same sum.
    const int64_t distinct = unicast_ ? out.channels : 1;
    const int64_t grain = std::max<int64_t>(1, (1 << 15) / (pixels * coefficients_.length));
    parallel_for(distinct, grain, [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel)
        window_channel(padded, channel * inputs_, inputs_, descriptor_.window, out, weights(kernel, channel),
                       operation_ == Operation::Maximum, result + channel * pixels);
    });
    for (int64_t channel = distinct; channel < out.channels; ++channel)
      std::memcpy(result + channel * pixels, result, static_cast<size_t>(pixels) * sizeof(float));
  }

  void finish(int64_t kernel, int64_t channel, float* values, int64_t count) const {
    Ending ending = ending_;
    if (!coefficients_.bias.empty())
      ending.bias += coefficients_.bias[static_cast<size_t>(kernel * coefficients_.channels + channel)];
    ending.apply(values, count);
  }

  const Descriptor& descriptor_;
  const Coefficients& coefficients_;
  Operation operation_;
  bool unicast_;
  int64_t inputs_;
  Ending ending_;
};

}  // namespace

NeuralResult run_neural(const Task& task, const Descriptor& descriptor, const Tensor& source,
                        const Coefficients& coefficients) {
  return NeuralTask(task, descriptor, coefficients).run(source);
}

std::string describe_neural(const Task& task, const Descriptor& descriptor) {
  static constexpr const char* activations[] = {"", ", relu", ", table", ""};
  const Window& window = descriptor.window;
  std::string text;
  switch (operation_of(task)) {
    case Operation::Copy:
      text = "copy";
      break;
    case Operation::Sum:
      text = fmt::format("sum {}x{}", window.width, window.height);
      break;
    case Operation::Maximum:
      text = fmt::format("maximum {}x{}", window.width, window.height);
      break;
    case Operation::Weighted:
      text = fmt::format("{}convolution {}x{}", task.get(Field::GroupConvCfg_UnicastEn) ? "depthwise " : "",
                         window.width, window.height);
  }
  if (window.stride_x != 1 || window.stride_y != 1)
    text += fmt::format(" stride {}x{}", window.stride_x, window.stride_y);
  if (descriptor.input.groups > 1) text += fmt::format(", {} groups", descriptor.input.groups);
  if (task.get(Field::Cfg_OutputTranspose)) text += ", transposed";
  return text + activations[task.get(Field::MACCfg_NonlinearMode)];
}

}  // namespace ane::sim
