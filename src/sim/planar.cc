// One pipeline for all task types:
//   t = Scale * op(a, b) + Bias;  [reduction or window];  * FinalScale;  + Epsilon;  1/x or 1/sqrt(x);  relu,
//   abs.
// Scale and Bias follow the operation: softmax subtracts the maximum and multiplies the difference by
// log2(e). Parts that a task type does not use are neutral in every captured program of it.
//
// Task type 1 (windowed pooling) is in no public program of this engine; its fields are those that reductions
// and convolutions share, and programs that use it are marked experimental by their makers.
#include "sim/planar.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "base/half.h"
#include "base/parallel.h"
#include "sim/numerics.h"

namespace ane::sim {

namespace {

using h13::Field;
using h13::Reg;
using h13::Task;

constexpr uint32_t op_add = 0, op_square_of_sum = 4;
constexpr uint32_t pool_sum = 0, pool_average = 1, pool_maximum = 2;
constexpr uint32_t function_none = 0, function_reciprocal = 1, function_rsqrt = 2;
constexpr int64_t grain_elements = 1 << 15;

float half_field(const Task& task, Field field) {
  return as_operand(to_float(Half{static_cast<uint16_t>(task.get(field))}));
}

struct Settings {
  uint32_t operation, function, pool;
  float scale, bias, epsilon, final_scale;
  bool negate, negate2, relu, absolute;

  explicit Settings(const Task& task)
      : operation(task.get(Field::PECfg_OpMode)),
        function(task.get(Field::PECfg_NLMode)),
        pool(task.get(Field::PECfg_PoolMode)),
        scale(half_field(task, Field::BiasScale_Scale)),
        bias(half_field(task, Field::BiasScale_Bias)),
        epsilon(half_field(task, Field::PreScale_Epsilon)),
        final_scale(std::bit_cast<float>(task[Reg::FinalScale])),
        negate(task.get(Field::PECfg_NegSrc1) != 0),
        negate2(task.get(Field::PECfg_NegSrc2) != 0),
        relu(task.get(Field::PECfg_ReluEn) != 0),
        absolute(task.get(Field::PECfg_Abs) != 0) {
    if (operation > op_square_of_sum) throw Hazard(fmt::format("PECfg.OpMode {} is not known", operation));
    if (function > function_rsqrt) throw Hazard("PECfg.NLMode 3 is not known");
    if (half_field(task, Field::PreScale_PreScale) != 1)
      throw Hazard("PreScale other than 1; what it scales is not known");
  }

  void finish(float* values, int64_t count) const {
    const float factor = final_scale, offset = epsilon, least = relu ? 0.0f : -infinity;
    for (int64_t i = 0; i < count; ++i) values[i] = values[i] * factor + offset;
    if (function != function_none || absolute)
      for (int64_t i = 0; i < count; ++i) values[i] = apply(values[i]);
    for (int64_t i = 0; i < count; ++i) values[i] = std::max(without_nan(values[i]), least);
  }

 private:
  float apply(float value) const {
    if (function == function_reciprocal) value = 1 / value;
    if (function == function_rsqrt) value = value < 0 ? 0 : 1 / std::sqrt(value);
    return absolute ? std::fabs(value) : value;
  }
};

// A source read with repetition along the axes on which it has length 1.
class Source {
 public:
  Source(const Tensor& tensor, const Shape& full, bool negate, bool relu)
      : tensor_(tensor), full_(full), sign_(negate ? -1.0f : 1.0f), least_(relu ? 0.0f : -infinity) {}

  int64_t step() const { return tensor_.shape.width == 1 ? 0 : 1; }

  const float* row(int64_t index) const {
    const Shape& shape = tensor_.shape;
    const int64_t y = index % full_.height, rest = index / full_.height;
    const int64_t channel = rest % full_.channels, deep = rest / full_.channels;
    return tensor_.row(tensor_.row_index(deep / full_.depth % shape.groups, deep % full_.depth % shape.depth,
                                         channel % shape.channels, y % shape.height));
  }

  float prepare(float value) const { return sign_ * std::max(value, least_); }

 private:
  const Tensor& tensor_;
  const Shape& full_;
  float sign_, least_;
};

// One row of Scale * op(a, b) + Bias. Both steps, 0 or 1, are known to the compiler, which makes vectors of
// it.
template <int64_t step_a, int64_t step_b, typename Operation>
void combine_row(const Source& a, const float* left, const Source& b, const float* right, int64_t width,
                 const Settings& settings, Operation operation, float* to) {
  const Source first = a, second = b;  // copies, so that no store through `to` can change them
  const float scale = settings.scale, bias = settings.bias;
  for (int64_t x = 0; x < width; ++x)
    to[x] =
        without_nan(operation(first.prepare(left[x * step_a]), second.prepare(right[x * step_b]))) * scale +
        bias;
}

using CombineRow = std::function<void(const float* left, const float* right, int64_t width, float* to)>;

template <typename Operation>
CombineRow row_combiner(const Source& a, const Source& b, const Settings& settings, Operation operation) {
  const auto with_steps = [&]<int64_t step_a, int64_t step_b>() -> CombineRow {
    return [&a, &b, &settings, operation](const float* left, const float* right, int64_t width, float* to) {
      combine_row<step_a, step_b>(a, left, b, right, width, settings, operation, to);
    };
  };
  if (a.step() == 0)
    return b.step() == 0 ? with_steps.template operator()<0, 0>() : with_steps.template operator()<0, 1>();
  return b.step() == 0 ? with_steps.template operator()<1, 0>() : with_steps.template operator()<1, 1>();
}

CombineRow row_combiner(const Source& a, const Source& b, const Settings& settings) {
  switch (settings.operation) {
    case 0:
      return row_combiner(a, b, settings, [](float p, float q) { return p + q; });
    case 1:
      return row_combiner(a, b, settings, [](float p, float q) { return p * q; });
    case 2:
      return row_combiner(a, b, settings, [](float p, float q) { return std::max(p, q); });
    case 3:
      return row_combiner(a, b, settings, [](float p, float q) { return std::min(p, q); });
    default:
      return row_combiner(a, b, settings, [](float p, float q) { return (p + q) * (p + q); });
  }
}

// op(a, b), scaled, at every position of the input.
Tensor elementwise(const Descriptor& descriptor, const Settings& settings, const Tensor& source,
                   const Tensor* source2) {
  Tensor result(descriptor.input);
  const Source a(source, descriptor.input, settings.negate, descriptor.source.relu);
  const Tensor zero(Shape{});
  const Source b(source2 ? *source2 : zero, descriptor.input, settings.negate2,
                 descriptor.source2 && descriptor.source2->relu);
  if (!source2 && settings.operation != op_add && settings.operation != op_square_of_sum)
    throw Hazard(fmt::format("PECfg.OpMode {} with one source is not known", settings.operation));
  const CombineRow combine = row_combiner(a, b, settings);
  const int64_t width = descriptor.input.width;
  parallel_for(result.shape.rows(), std::max<int64_t>(1, grain_elements / width),
               [&](int64_t begin, int64_t end) {
                 for (int64_t index = begin; index < end; ++index)
                   combine(a.row(index), b.row(index), width, result.row(index));
               });
  return result;
}

// (a + offset) * gain, with one offset and one gain for each channel.
Tensor gain_offset(const Descriptor& descriptor, const Settings& settings, const Tensor& source,
                   const Tensor& rows) {
  Tensor result(descriptor.input);
  const Shape& shape = result.shape;
  const Source a(source, descriptor.input, settings.negate, descriptor.source.relu);
  parallel_for(
      shape.rows(), std::max<int64_t>(1, grain_elements / shape.width), [&](int64_t begin, int64_t end) {
        for (int64_t index = begin; index < end; ++index) {
          const int64_t channel = index / shape.height % shape.channels % rows.shape.channels;
          const int64_t group = index / (shape.height * shape.channels * shape.depth) % rows.shape.groups;
          const float offset = *rows.row(rows.row_index(group, 0, channel, 0));
          const float gain = *rows.row(rows.row_index(group, 0, channel, 1));
          const float* from = a.row(index);
          float* to = result.row(index);
          for (int64_t x = 0; x < shape.width; ++x) {
            const float sum = a.prepare(from[x * a.step()]) + (settings.negate2 ? -offset : offset);
            to[x] = without_nan(sum * gain) * settings.scale + settings.bias;
          }
        }
      });
  return result;
}

// Over width, height and depth of each channel and group.
Tensor reduce(const Tensor& values, const Shape& reduced, uint32_t pool) {
  if (pool != pool_sum && pool != pool_maximum)
    throw Hazard(fmt::format("PECfg.PoolMode {} in a reduction", pool));
  Tensor result(reduced);
  const Shape& shape = values.shape;
  parallel_for(reduced.rows(), std::max<int64_t>(1, grain_elements / (shape.height * shape.width)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t index = begin; index < end; ++index) {
                   const int64_t group = index / shape.channels, channel = index % shape.channels;
                   double sum = 0;
                   float most = -infinity;
                   for (int64_t z = 0; z < shape.depth; ++z) {
                     const float* plane = values.row(values.row_index(group, z, channel, 0));
                     for (int64_t i = 0; i < shape.height * shape.width; ++i) {
                       sum += plane[i];
                       most = std::max(most, plane[i]);
                     }
                   }
                   *result.row(index) = pool == pool_maximum ? most : without_nan(static_cast<float>(sum));
                 }
               });
  return result;
}

// One pooled value: positions outside of the image count as 0, or not at all for a maximum that pads with the
// minimum.
float pool_window(const float* plane, const Shape& in, const Window& window, int64_t y, int64_t x,
                  bool maximum, float outside) {
  const int64_t top = y * window.stride_y - window.pad_top, left = x * window.stride_x - window.pad_left;
  float sum = 0, most = -infinity;
  for (int64_t row = top; row < top + window.height; ++row)
    for (int64_t column = left; column < left + window.width; ++column) {
      const bool inside = row >= 0 && row < in.height && column >= 0 && column < in.width;
      const float value = inside ? plane[row * in.width + column] : outside;
      sum += value;
      most = std::max(most, value);
    }
  return maximum ? most : without_nan(sum);
}

Tensor pool(const Descriptor& descriptor, const Settings& settings, const Tensor& values) {
  if (settings.pool != pool_sum && settings.pool != pool_average && settings.pool != pool_maximum)
    throw Hazard("PECfg.PoolMode 3 is not known on this engine");
  const Shape& out = descriptor.output;
  Tensor result(out);
  const float outside = descriptor.pad_with_minimum ? -infinity : 0.0f;
  parallel_for(out.groups * out.depth * out.channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane)
      for (int64_t y = 0; y < out.height; ++y)
        for (int64_t x = 0; x < out.width; ++x)
          result.row(plane * out.height + y)[x] =
              pool_window(values.row(plane * values.shape.height), values.shape, descriptor.window, y, x,
                          settings.pool == pool_maximum, outside);
  });
  return result;
}

void check_shapes(const Descriptor& descriptor) {
  const Shape &in = descriptor.input, &out = descriptor.output;
  if (in.channels != out.channels) throw Hazard("a PE task whose Cin and Cout differ");
  const bool same_plane = descriptor.type == TaskType::OneSource || descriptor.type == TaskType::TwoSources ||
                          descriptor.type == TaskType::GainOffset;
  if (same_plane && !(in == out)) throw Hazard("an elementwise task whose input and output sizes differ");
  if (in.depth != out.depth && descriptor.type == TaskType::Pooling)
    throw Hazard("windows over depth are not modelled");
}

}  // namespace

Tensor run_planar(const Task& task, const Descriptor& descriptor, const Tensor& source,
                  const Tensor* source2) {
  const Settings settings(task);
  check_shapes(descriptor);
  Tensor values = descriptor.type == TaskType::GainOffset
                      ? gain_offset(descriptor, settings, source, *source2)
                      : elementwise(descriptor, settings, source, source2);
  if (descriptor.type == TaskType::Reduction || descriptor.type == TaskType::TwoSourceReduction)
    values = reduce(values, descriptor.output, settings.pool);
  else if (descriptor.type == TaskType::Pooling)
    values = pool(descriptor, settings, values);
  const int64_t count = values.shape.elements();
  parallel_for(count, grain_elements,
               [&](int64_t begin, int64_t end) { settings.finish(values.data.data() + begin, end - begin); });
  return values;
}

std::string describe_planar(const Task& task) {
  static constexpr const char* operations[] = {"add", "multiply", "maximum", "minimum", "square of sum"};
  static constexpr const char* functions[] = {"", ", reciprocal", ", rsqrt", ""};
  const uint32_t operation = task.get(Field::PECfg_OpMode);
  const bool maximum = task.get(Field::PECfg_PoolMode) == pool_maximum;
  std::string text;
  switch (static_cast<TaskType>(task.get(Field::Cfg_TaskType))) {
    case TaskType::Pooling:
      text = fmt::format("{} pooling {}x{}", maximum ? "maximum" : "average", task.get(Field::ConvCfg_Kw),
                         task.get(Field::ConvCfg_Kh));
      break;
    case TaskType::OneSource:
      text = "scale and add scalar";
      break;
    case TaskType::GainOffset:
      text = "gain and offset";
      break;
    case TaskType::Reduction:
      text = maximum ? "reduce maximum" : "reduce sum";
      break;
    case TaskType::TwoSourceReduction:
      text = "reduce ";
      [[fallthrough]];
    default:
      text +=
          task.get(Field::PECfg_NegSrc2) && operation == 0 ? "subtract" : operations[std::min(operation, 4u)];
  }
  return text + functions[task.get(Field::PECfg_NLMode)] + (task.get(Field::PECfg_ReluEn) ? ", relu" : "");
}

}  // namespace ane::sim
