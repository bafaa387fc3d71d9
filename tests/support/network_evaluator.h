// What an ANE network means, in float64 and straight from the definitions in aneir/network.h: loops over
// result elements, no rewriting, no rounding to binary16. Tests compare networks before and after passes with
// it. It is slow.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <random>
#include <stdexcept>
#include <vector>

#include "aneir/network.h"
#include "base/half.h"

namespace ane::test {

using aneir::Axis;
using aneir::Network;
using aneir::Shape;
using aneir::TensorId;

// Where an element lies; also used for offsets that may be outside.
struct Position {
  int64_t n = 0, d = 0, c = 0, h = 0, w = 0;
  int64_t& operator[](Axis axis) {
    switch (axis) {
      case Axis::Batch:
        return n;
      case Axis::Depth:
        return d;
      case Axis::Channel:
        return c;
      case Axis::Height:
        return h;
      default:
        return w;
    }
  }
};

struct Values {
  Shape shape;
  std::vector<double> data;  // row-major over n, d, c, h, w

  explicit Values(const Shape& s = {}) : shape(s), data(static_cast<size_t>(s.count())) {}
  Values(const Shape& s, std::vector<double> with) : shape(s), data(std::move(with)) {}
  static size_t index(const Shape& s, const Position& p) {
    return static_cast<size_t>((((p.n * s.d + p.d) * s.c + p.c) * s.h + p.h) * s.w + p.w);
  }
  double& at(const Position& p) { return data[index(shape, p)]; }
  double at(const Position& p) const { return data[index(shape, p)]; }
  bool inside(const Position& p) const { return p.h >= 0 && p.h < shape.h && p.w >= 0 && p.w < shape.w; }

  // Calls body(position) for every element, in row-major order.
  template <typename Body>
  static void each(const Shape& s, Body body) {
    Position p;
    for (p.n = 0; p.n < s.n; ++p.n)
      for (p.d = 0; p.d < s.d; ++p.d)
        for (p.c = 0; p.c < s.c; ++p.c)
          for (p.h = 0; p.h < s.h; ++p.h)
            for (p.w = 0; p.w < s.w; ++p.w) body(p);
  }
  template <typename Value>
  static Values made(const Shape& s, Value value) {
    Values result(s);
    each(s, [&](const Position& p) { result.at(p) = value(p); });
    return result;
  }
  static Values random(const Shape& s, std::mt19937& engine, double low = -2, double high = 2) {
    std::uniform_real_distribution<double> distribution(low, high);
    return made(s, [&](const Position&) { return distribution(engine); });
  }
};

inline double apply(const aneir::Neuron& neuron, double scaled) {
  using T = aneir::NeuronType;
  const double x = scaled * neuron.input_scale, a = neuron.alpha, b = neuron.beta;
  const auto clamp = [](double v, double low, double high) { return std::min(std::max(v, low), high); };
  switch (neuron.type) {
    case T::ReLU:
      return std::max(x, 0.0);
    case T::LeakyReLU:
      return x >= 0 ? x : a * x;
    case T::ClampedReLU:
      return clamp(x, a, b);
    case T::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case T::Tanh:
      return std::tanh(x);
    case T::HardSigmoid:
      return clamp(a * x + b, 0, 1);
    case T::ThresholdedReLU:
      return x >= a ? x : 0;
    case T::Elu:
      return x >= 0 ? x : a * (std::exp(x) - 1);
    case T::Softsign:
      return x / (1 + std::abs(x));
    case T::Softplus:
      return std::log1p(std::exp(x));
    case T::Gelu:
      return x * 0.5 * (1 + std::erf(x / std::numbers::sqrt2));
    case T::Silu:
      return x / (1 + std::exp(-x));
    case T::GeluBySigmoid:
      return x / (1 + std::exp(-1.702 * x));
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
    case T::IsNegative:
      return x < 0;
    case T::TanhFitted:
      return std::tanh(x);
    case T::CenteredPhi:
      return 0.5 * std::erf(x / std::numbers::sqrt2);
  }
  throw std::logic_error("neuron");
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
  throw std::logic_error("elementwise");
}

class Evaluator {
 public:
  // With `rounds` every unit's result is rounded to binary16, as the engine does it.
  explicit Evaluator(const Network& network, bool rounds = false) : network_(network), rounds_(rounds) {}

  // One Values for each network output.
  std::vector<Values> run(const std::vector<Values>& inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) tensors_[network_.inputs[i]] = inputs[i];
    for (const aneir::Unit& unit : network_.units) {
      in_.clear();
      for (TensorId bottom : unit.bottoms) in_.push_back(&tensors_.at(bottom));
      shape_ = network_.tensor(unit.top).shape;
      tensors_[unit.top] = std::visit([&](const auto& params) { return value(params); }, unit.params);
      if (rounds_)
        for (double& each : tensors_[unit.top].data)
          each = static_cast<double>(round_to_half(static_cast<float>(each)));
    }
    std::vector<Values> outputs;
    for (const aneir::Output& output : network_.outputs) outputs.push_back(tensors_.at(output.tensor));
    return outputs;
  }

 private:
  const Values& x() const { return *in_[0]; }

  Values value(const aneir::Conv& conv) {
    if (conv.transposed) return transposed(conv);
    const std::vector<float> weights = conv.weights.floats();
    const std::vector<float> bias = conv.bias ? conv.bias->floats() : std::vector<float>();
    const int64_t group_in = x().shape.c / conv.groups, group_out = shape_.c / conv.groups;
    return Values::made(shape_, [&](const Position& p) {
      double sum = bias.empty() ? 0 : bias[static_cast<size_t>(p.c)];
      for (int64_t ci = 0; ci < group_in; ++ci)
        for (int ky = 0; ky < conv.kernel_height; ++ky)
          for (int kx = 0; kx < conv.kernel_width; ++kx) {
            Position q = p;
            q.c = p.c / group_out * group_in + ci;
            q.h = p.h * conv.stride_y + ky * conv.dilation_y - conv.pad_top;
            q.w = p.w * conv.stride_x + kx * conv.dilation_x - conv.pad_left;
            const auto k = ((p.c * group_in + ci) * conv.kernel_height + ky) * conv.kernel_width + kx;
            if (x().inside(q)) sum += x().at(q) * weights[static_cast<size_t>(k)];
          }
      return conv.activation ? apply(*conv.activation, sum) : sum;
    });
  }

  // Each element is painted over the result, weighted by the kernel.
  Values transposed(const aneir::Conv& conv) {
    const std::vector<float> weights = conv.weights.floats();
    const std::vector<float> bias = conv.bias ? conv.bias->floats() : std::vector<float>();
    const int64_t group_in = x().shape.c / conv.groups, group_out = shape_.c / conv.groups;
    Values result = Values::made(
        shape_, [&](const Position& p) { return bias.empty() ? 0 : bias[static_cast<size_t>(p.c)]; });
    Values::each(x().shape, [&](const Position& p) {
      for (int64_t co = 0; co < group_out; ++co)
        for (int ky = 0; ky < conv.kernel_height; ++ky)
          for (int kx = 0; kx < conv.kernel_width; ++kx) {
            Position q = p;
            q.c = p.c / group_in * group_out + co;
            q.h = p.h * conv.stride_y + ky * conv.dilation_y - conv.pad_top;
            q.w = p.w * conv.stride_x + kx * conv.dilation_x - conv.pad_left;
            const auto k = ((p.c * group_out + co) * conv.kernel_height + ky) * conv.kernel_width + kx;
            if (result.inside(q)) result.at(q) += x().at(p) * weights[static_cast<size_t>(k)];
          }
    });
    if (conv.activation)
      for (double& y : result.data) y = apply(*conv.activation, y);
    return result;
  }

  Values value(const aneir::Goc& goc) {
    const auto scales = goc.channel_scale ? goc.channel_scale->floats() : std::vector<float>();
    const auto offsets = goc.channel_offset ? goc.channel_offset->floats() : std::vector<float>();
    return Values::made(shape_, [&](const Position& p) {
      const auto c = static_cast<size_t>(p.c);
      return x().at(p) * (scales.empty() ? goc.scale : scales[c]) +
             (offsets.empty() ? goc.offset : offsets[c]);
    });
  }

  Values value(const aneir::Neuron& neuron) {
    return Values::made(shape_, [&](const Position& p) { return apply(neuron, x().at(p)); });
  }

  // The element that a result position takes from an operand that may be shorter.
  static double broadcast(const Values& values, Position p) {
    for (Axis axis : aneir::all_axes)
      if (values.shape[axis] == 1) p[axis] = 0;
    return values.at(p);
  }

  Values value(const aneir::ElementWise& op) {
    return Values::made(shape_, [&](const Position& p) {
      const double result = op.scale * apply(op.op, broadcast(x(), p), broadcast(*in_[1], p));
      return op.relu ? std::max(result, 0.0) : result;
    });
  }

  Values value(const aneir::Broadcast& repeated) {
    return Values::made(shape_, [&](const Position& p) {
      const double element = broadcast(x(), p);
      return repeated.relu ? std::max(element, 0.0) : element;
    });
  }

  Values value(const aneir::Concat& concat) {
    return Values::made(shape_, [&](Position p) {
      size_t i = 0;
      if (concat.interleave) {
        i = static_cast<size_t>(p[concat.axis]) % in_.size();
        p[concat.axis] /= static_cast<int64_t>(in_.size());
        return in_[i]->at(p);
      }
      while (p[concat.axis] >= in_[i]->shape[concat.axis]) p[concat.axis] -= in_[i++]->shape[concat.axis];
      return in_[i]->at(p);
    });
  }

  Values value(const aneir::Reshape&) {
    Values result(shape_);
    result.data = x().data;
    return result;
  }

  Values value(const aneir::Transpose& transpose) {
    return Values::made(shape_, [&](Position p) {
      Position from;
      for (size_t i = 0; i < 5; ++i) from[transpose.source[i]] = p[aneir::all_axes[i]];
      return x().at(from);
    });
  }

  Values value(const aneir::InputView& view) {
    return Values::made(shape_, [&](Position p) {
      p[view.axis] = view.offset + p[view.axis] * view.step;
      return x().at(p);
    });
  }

  Values value(const aneir::Pooling& pooling) {
    return Values::made(shape_, [&](const Position& p) {
      double sum = 0, squares = 0, largest = -std::numeric_limits<double>::infinity();
      int count = 0;
      for (int ky = 0; ky < pooling.kernel_height; ++ky)
        for (int kx = 0; kx < pooling.kernel_width; ++kx) {
          Position q = p;
          q.h = p.h * pooling.stride_y + ky - pooling.pad_top;
          q.w = p.w * pooling.stride_x + kx - pooling.pad_left;
          if (!x().inside(q)) continue;
          const double element = x().at(q);
          sum += element, squares += element * element, largest = std::max(largest, element), ++count;
        }
      if (pooling.type == aneir::PoolingType::Max) return largest;
      if (pooling.type == aneir::PoolingType::L2) return std::sqrt(squares);
      return sum / (pooling.exclude_padding ? count : pooling.kernel_width * pooling.kernel_height);
    });
  }

  Values value(const aneir::Reduction& reduction) {
    using Type = aneir::ReductionType;
    Shape extent;
    for (Axis axis : reduction.axes) extent[axis] = x().shape[axis];
    return Values::made(shape_, [&](const Position& p) {
      std::vector<double> elements;
      Values::each(extent, [&](const Position& offset) {
        elements.push_back(
            x().at({p.n + offset.n, p.d + offset.d, p.c + offset.c, p.h + offset.h, p.w + offset.w}));
      });
      if (reduction.type == Type::MeanSquare)
        for (double& element : elements) element *= element;
      double result = 0;
      for (double element : elements) result += element;
      if (reduction.type == Type::Mean || reduction.type == Type::MeanSquare)
        result /= static_cast<double>(elements.size());
      if (reduction.type == Type::Max) result = *std::max_element(elements.begin(), elements.end());
      if (reduction.type == Type::Min) result = *std::min_element(elements.begin(), elements.end());
      return reduction.activation ? apply(*reduction.activation, result) : result;
    });
  }

  Values value(const aneir::Softmax& softmax) {
    return Values::made(shape_, [&](const Position& p) {
      double sum = 0;
      Position q = p;
      for (q[softmax.axis] = 0; q[softmax.axis] < shape_[softmax.axis]; ++q[softmax.axis])
        sum += std::exp(x().at(q) - x().at(p));
      return 1 / sum;
    });
  }

  Values value(const aneir::MatMul& product) {
    const std::vector<float> matrix = product.matrix ? product.matrix->floats() : std::vector<float>{};
    const std::vector<float> bias = product.bias ? product.bias->floats() : std::vector<float>{};
    const Values& a = x();
    const int64_t inner = product.transpose_first ? a.shape.h : a.shape.w;
    const auto outer = [](const Values& of, const Position& p, int64_t h, int64_t w) {
      return of.at({std::min(p.n, of.shape.n - 1), 0, std::min(p.c, of.shape.c - 1), h, w});
    };
    return Values::made(shape_, [&](const Position& p) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        const double left = product.transpose_first ? outer(a, p, k, p.h) : outer(a, p, p.h, k);
        const int64_t row = product.transpose_second ? p.w : k, column = product.transpose_second ? k : p.w;
        sum += left *
               (product.matrix
                    ? static_cast<double>(matrix[static_cast<size_t>(row * product.matrix_columns + column)])
                    : outer(*in_[1], p, row, column));
      }
      double result = static_cast<double>(product.scale) * sum;
      if (!bias.empty()) result += static_cast<double>(bias[static_cast<size_t>(p.w)]);
      return product.activation ? apply(*product.activation, result) : result;
    });
  }

  Values value(const aneir::Normalize& normalize) {
    Shape extent;
    for (Axis axis : normalize.axes) extent[axis] = shape_[axis];
    return Values::made(shape_, [&](const Position& p) {
      Position origin = p;
      for (Axis axis : normalize.axes) origin[axis] = 0;
      double sum = 0, squares = 0;
      Values::each(extent, [&](const Position& o) {
        const double element =
            x().at({origin.n + o.n, origin.d + o.d, origin.c + o.c, origin.h + o.h, origin.w + o.w});
        sum += element, squares += element * element;
      });
      const double count = static_cast<double>(extent.count()), mean = sum / count;
      return (x().at(p) - mean) /
             std::sqrt(squares / count - mean * mean + static_cast<double>(normalize.epsilon));
    });
  }

  Values value(const aneir::Select&) {
    return Values::made(shape_,
                        [&](const Position& p) { return x().at(p) != 0 ? in_[1]->at(p) : in_[2]->at(p); });
  }
  Values value(const aneir::Cast&) { return x(); }

  Values value(const aneir::ConstantTensor& constant) {
    Values result(shape_);
    const auto floats = constant.values.floats();
    std::copy(floats.begin(), floats.end(), result.data.begin());
    return result;
  }

  const Network& network_;
  const bool rounds_;
  std::map<TensorId, Values> tensors_;
  std::vector<const Values*> in_;  // of the unit at hand
  Shape shape_;                    // of its result
};

inline std::vector<Values> evaluate(const Network& network, const std::vector<Values>& inputs) {
  return Evaluator(network).run(inputs);
}
inline std::vector<Values> evaluate_rounding(const Network& network, const std::vector<Values>& inputs) {
  return Evaluator(network, true).run(inputs);
}

// Values that differ from each other, spread over [low, high], the same on every run.
inline Values spread(const Shape& shape, double low = -2, double high = 2) {
  Values values(shape);
  for (size_t i = 0; i < values.data.size(); ++i) {
    const double unit = std::fmod(static_cast<double>(i) * std::numbers::phi + 0.1, 1.0);
    values.data[i] = low + unit * (high - low);
  }
  return values;
}

}  // namespace ane::test
