// The meaning of an ANE network in plain loops and double precision, for tests: what aneir/network.h says of
// each unit, written once more without looking at any other code. Slow on purpose.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

#include "aneir/network.h"

namespace ane::test {

struct Values {
  aneir::Shape shape;
  std::vector<double> data;  // row-major over N, D, C, H, W

  explicit Values(aneir::Shape of = {}) : shape(of), data(static_cast<size_t>(of.count())) {}
  Values(aneir::Shape of, std::vector<double> with) : shape(of), data(std::move(with)) {}

  double& at(const aneir::Shape& i) {
    return data.at(
        static_cast<size_t>((((i.n * shape.d + i.d) * shape.c + i.c) * shape.h + i.h) * shape.w + i.w));
  }
  double at(const aneir::Shape& i) const { return const_cast<Values*>(this)->at(i); }
};

// Calls body(index) for each element of a tensor of `shape`, in row-major order. The index is a Shape counted
// from 0.
inline void for_each(const aneir::Shape& shape, const std::function<void(const aneir::Shape&)>& body) {
  aneir::Shape i;
  for (i.n = 0; i.n < shape.n; ++i.n)
    for (i.d = 0; i.d < shape.d; ++i.d)
      for (i.c = 0; i.c < shape.c; ++i.c)
        for (i.h = 0; i.h < shape.h; ++i.h)
          for (i.w = 0; i.w < shape.w; ++i.w) body(i);
}

inline double apply(const aneir::Neuron& f, double raw) {
  using T = aneir::NeuronType;
  const double x = raw * f.input_scale, a = f.alpha, b = f.beta;
  switch (f.type) {
    case T::ReLU:
      return std::max(x, 0.0);
    case T::LeakyReLU:
      return x >= 0 ? x : a * x;
    case T::ClampedReLU:
      return std::min(std::max(x, a), b);
    case T::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case T::Tanh:
      return std::tanh(x);
    case T::HardSigmoid:
      return std::min(std::max(a * x + b, 0.0), 1.0);
    case T::ThresholdedReLU:
      return x >= a ? x : 0;
    case T::Elu:
      return x >= 0 ? x : a * std::expm1(x);
    case T::Softsign:
      return x / (1 + std::abs(x));
    case T::Softplus:
      return std::log1p(std::exp(x));
    case T::Gelu:
      return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
    case T::Silu:
      return x / (1 + std::exp(-x));
    case T::Exp:
      return std::exp(x);
    case T::Exp2:
      return std::exp2(x);
    case T::Log:
      return std::log(x);
    case T::Log2:
      return std::log2(x);
    case T::Sqrt:
      return std::sqrt(x);
    case T::Rsqrt:
      return 1 / std::sqrt(x + a);
    case T::Inv:
      return 1 / (x + a);
    case T::Abs:
      return std::abs(x);
    case T::Square:
      return x * x;
    case T::Power:
      return std::pow(x, a);
    case T::Sign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case T::Floor:
      return std::floor(x);
    case T::Ceil:
      return std::ceil(x);
    case T::RoundNearest:
      return std::nearbyint(x);
    case T::Erf:
      return std::erf(x);
    case T::LogicalNot:
      return x == 0;
  }
  throw std::logic_error("no such function");
}

inline double apply(aneir::ElementWiseOp op, double a, double b) {
  using Op = aneir::ElementWiseOp;
  switch (op) {
    case Op::Add:
      return a + b;
    case Op::Sub:
      return a - b;
    case Op::Mult:
      return a * b;
    case Op::Max:
      return std::max(a, b);
    case Op::Min:
      return std::min(a, b);
    case Op::Div:
      return a / b;
    case Op::Power:
      return std::pow(a, b);
    case Op::SquaredDifference:
      return (a - b) * (a - b);
    case Op::Equal:
      return a == b;
    case Op::NotEqual:
      return a != b;
    case Op::LessThan:
      return a < b;
    case Op::GreaterThan:
      return a > b;
    case Op::LessEqual:
      return a <= b;
    case Op::GreaterEqual:
      return a >= b;
  }
  throw std::logic_error("no such operation");
}

// One per unit type; `in` holds the bottoms, `out` is zero and has the result's shape.
inline void run(const aneir::Conv& conv, const std::vector<Values>& in, Values& out) {
  const std::vector<float> weights = conv.weights.floats();
  const int64_t in_per_group = in[0].shape.c / conv.groups, out_per_group = out.shape.c / conv.groups;
  const auto weight = [&](int64_t o, int64_t i, int64_t ky, int64_t kx) {  // o and i within the group
    const int64_t row =
        conv.transposed ? i * out_per_group + o % out_per_group : o * in_per_group + i % in_per_group;
    return weights[static_cast<size_t>((row * conv.kernel_height + ky) * conv.kernel_width + kx)];
  };
  const auto accumulate = [&](const aneir::Shape& from, const aneir::Shape& to, int64_t ky, int64_t kx) {
    for (int64_t o = 0; o < out.shape.c; ++o)
      for (int64_t i = 0; i < in_per_group; ++i) {
        const int64_t channel = o / out_per_group * in_per_group + i;
        out.at({to.n, to.d, o, to.h, to.w}) += in[0].at({from.n, from.d, channel, from.h, from.w}) *
                                               weight(o, conv.transposed ? channel : i, ky, kx);
      }
  };
  // The dense side walks all elements; the other side is where its window lies.
  const Values& walked = conv.transposed ? in[0] : out;
  const aneir::Shape other = conv.transposed ? out.shape : in[0].shape;
  for_each({walked.shape.n, walked.shape.d, 1, walked.shape.h, walked.shape.w}, [&](const aneir::Shape& at) {
    for (int64_t ky = 0; ky < conv.kernel_height; ++ky)
      for (int64_t kx = 0; kx < conv.kernel_width; ++kx) {
        aneir::Shape there = at;
        there.h = at.h * conv.stride_y - conv.pad_top + ky * conv.dilation_y;
        there.w = at.w * conv.stride_x - conv.pad_left + kx * conv.dilation_x;
        if (there.h < 0 || there.h >= other.h || there.w < 0 || there.w >= other.w) continue;
        if (conv.transposed)
          accumulate(at, there, ky, kx);
        else
          accumulate(there, at, ky, kx);
      }
  });
  const std::vector<float> bias = conv.bias ? conv.bias->floats() : std::vector<float>();
  for_each(out.shape, [&](const aneir::Shape& i) {
    double& y = out.at(i);
    if (conv.bias) y += bias[static_cast<size_t>(i.c)];
    if (conv.activation) y = apply(*conv.activation, y);
  });
}

inline void run(const aneir::Goc& goc, const std::vector<Values>& in, Values& out) {
  const auto scales = goc.channel_scale ? goc.channel_scale->floats() : std::vector<float>();
  const auto offsets = goc.channel_offset ? goc.channel_offset->floats() : std::vector<float>();
  for_each(out.shape, [&](const aneir::Shape& i) {
    const double scale = scales.empty() ? goc.scale : scales[static_cast<size_t>(i.c)];
    const double offset = offsets.empty() ? goc.offset : offsets[static_cast<size_t>(i.c)];
    out.at(i) = scale * in[0].at(i) + offset;
  });
}

inline void run(const aneir::Neuron& neuron, const std::vector<Values>& in, Values& out) {
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = apply(neuron, in[0].data[i]);
}

// The element of `from` that stands for element `at` of a tensor it is broadcast to.
inline double broadcast(const Values& from, aneir::Shape at) {
  for (aneir::Axis axis : aneir::all_axes)
    if (from.shape[axis] == 1) at[axis] = 0;
  return from.at(at);
}

inline void run(const aneir::ElementWise& unit, const std::vector<Values>& in, Values& out) {
  for_each(out.shape, [&](const aneir::Shape& i) {
    const double y = unit.scale * apply(unit.op, broadcast(in[0], i), broadcast(in[1], i));
    out.at(i) = unit.relu ? std::max(y, 0.0) : y;
  });
}

inline void run(const aneir::Broadcast&, const std::vector<Values>& in, Values& out) {
  for_each(out.shape, [&](const aneir::Shape& i) { out.at(i) = broadcast(in[0], i); });
}

inline void run(const aneir::Concat& unit, const std::vector<Values>& in, Values& out) {
  int64_t base = 0;
  for (const Values& part : in) {
    for_each(part.shape, [&](aneir::Shape i) {
      const double value = part.at(i);
      i[unit.axis] += base;
      out.at(i) = value;
    });
    base += part.shape[unit.axis];
  }
}

inline void run(const aneir::Reshape&, const std::vector<Values>& in, Values& out) {
  out.data = in[0].data;
}

inline void run(const aneir::Transpose& unit, const std::vector<Values>& in, Values& out) {
  for_each(out.shape, [&](const aneir::Shape& i) {
    aneir::Shape from;
    for (size_t axis = 0; axis < 5; ++axis) from[unit.source[axis]] = i[aneir::all_axes[axis]];
    out.at(i) = in[0].at(from);
  });
}

inline void run(const aneir::InputView& unit, const std::vector<Values>& in, Values& out) {
  for_each(out.shape, [&](aneir::Shape i) {
    const aneir::Shape to = i;
    i[unit.axis] = unit.offset + unit.step * i[unit.axis];
    out.at(to) = in[0].at(i);
  });
}

inline void run(const aneir::Pooling& unit, const std::vector<Values>& in, Values& out) {
  for_each(out.shape, [&](const aneir::Shape& i) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0, squares = 0;
    int real = 0;
    for (int ky = 0; ky < unit.kernel_height; ++ky)
      for (int kx = 0; kx < unit.kernel_width; ++kx) {
        const int64_t h = i.h * unit.stride_y - unit.pad_top + ky,
                      w = i.w * unit.stride_x - unit.pad_left + kx;
        if (h < 0 || h >= in[0].shape.h || w < 0 || w >= in[0].shape.w) continue;
        const double x = in[0].at({i.n, i.d, i.c, h, w});
        most = std::max(most, x);
        sum += x;
        squares += x * x;
        ++real;
      }
    const int divisor = unit.exclude_padding ? real : unit.kernel_width * unit.kernel_height;
    out.at(i) = unit.type == aneir::PoolingType::Max       ? most
                : unit.type == aneir::PoolingType::Average ? sum / divisor
                                                           : std::sqrt(squares);
  });
}

inline void run(const aneir::Reduction& unit, const std::vector<Values>& in, Values& out) {
  using T = aneir::ReductionType;
  std::vector<bool> seen(out.data.size());
  for_each(in[0].shape, [&](aneir::Shape i) {
    const double x = unit.type == T::MeanSquare ? in[0].at(i) * in[0].at(i) : in[0].at(i);
    for (aneir::Axis axis : unit.axes) i[axis] = 0;
    double& y = out.at(i);
    const auto flat = static_cast<size_t>(&y - out.data.data());
    y = !seen[flat] ? x : unit.type == T::Max ? std::max(x, y) : unit.type == T::Min ? std::min(x, y) : x + y;
    seen[flat] = true;
  });
  const double count = static_cast<double>(in[0].data.size()) / static_cast<double>(out.data.size());
  for (double& y : out.data) {
    if (unit.type == T::Mean || unit.type == T::MeanSquare) y /= count;
    if (unit.activation) y = apply(*unit.activation, y);
  }
}

inline void run(const aneir::Softmax& unit, const std::vector<Values>& in, Values& out) {
  aneir::Shape outer = in[0].shape;
  outer[unit.axis] = 1;
  for_each(outer, [&](aneir::Shape i) {
    double sum = 0;
    for (i[unit.axis] = 0; i[unit.axis] < in[0].shape[unit.axis]; ++i[unit.axis])
      sum += std::exp(in[0].at(i));
    for (i[unit.axis] = 0; i[unit.axis] < in[0].shape[unit.axis]; ++i[unit.axis])
      out.at(i) = std::exp(in[0].at(i)) / sum;
  });
}

// Units that a net.plist cannot say; this evaluator serves tests of that format.
template <typename Unit>
void run(const Unit&, const std::vector<Values>&, Values&) {
  throw std::logic_error("not a unit of a net.plist");
}

inline void run(const aneir::ConstantTensor& unit, const std::vector<Values>&, Values& out) {
  const std::vector<float> values = unit.values.floats();
  out.data.assign(values.begin(), values.end());
}

// The outputs of `network`, in order.
inline std::vector<Values> evaluate(const aneir::Network& network, const std::vector<Values>& inputs) {
  std::map<aneir::TensorId, Values> tensors;
  for (size_t i = 0; i < network.inputs.size(); ++i) tensors[network.inputs[i]] = inputs.at(i);
  for (const aneir::Unit& unit : network.units) {
    std::vector<Values> bottoms;
    for (aneir::TensorId bottom : unit.bottoms) bottoms.push_back(tensors.at(bottom));
    Values result(network.tensor(unit.top).shape);
    std::visit([&](const auto& params) { run(params, bottoms, result); }, unit.params);
    tensors[unit.top] = std::move(result);
  }
  std::vector<Values> outputs;
  for (const aneir::Output& output : network.outputs) outputs.push_back(tensors.at(output.tensor));
  return outputs;
}

// Values that differ from each other, spread over [low, high], the same on every run.
inline Values spread(const aneir::Shape& shape, double low = -2, double high = 2) {
  Values values(shape);
  for (size_t i = 0; i < values.data.size(); ++i) {
    const double unit = std::fmod(static_cast<double>(i) * 0.6180339887498949 + 0.1, 1.0);
    values.data[i] = low + unit * (high - low);
  }
  return values;
}

}  // namespace ane::test
