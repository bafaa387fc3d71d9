// What the source program of a captured case computes, in double and by the definition of each operation. It
// shares nothing with the simulator or with the compiler.
//
// Sums over millions of products would dominate the tests, so the last operation, when it is a convolution or
// a product, is evaluated at every n-th element only; the others are NaN and not compared.
#pragma once

#include <cmath>
#include <functional>
#include <limits>

#include "sim/source_program.h"

namespace ane::sim::test {

struct SourceTensor {
  Dimensions shape;
  std::vector<double> values;

  SourceTensor() = default;
  explicit SourceTensor(Dimensions of) : shape(std::move(of)) {
    values.resize(static_cast<size_t>(count_of(shape)));
  }
  // Elements between neighbours along `axis`.
  int64_t step(size_t axis) const {
    int64_t count = 1;
    for (size_t i = axis + 1; i < shape.size(); ++i) count *= shape[i];
    return count;
  }
};

class SourceEvaluator {
 public:
  explicit SourceEvaluator(const SourceProgram& program) : program_(program) {}

  // Inputs and weights by name.
  std::map<std::string, SourceTensor> tensors;

  const SourceTensor& run() {
    for (const SourceOperation& operation : program_.operations) {
      last_ = &operation == &program_.operations.back() ||
              (&operation + 1 == &program_.operations.back() && program_.operations.back().type == "relu");
      tensors[operation.name] = evaluate(operation);
    }
    return tensors.at(program_.output);
  }

 private:
  static constexpr double most_products = 1e7;

  // The elements of the last operation that are worth `terms` products each.
  int64_t stride_of(int64_t elements, int64_t terms) const {
    const double products = static_cast<double>(elements) * static_cast<double>(terms);
    if (!last_ || products <= most_products) return 1;
    return static_cast<int64_t>(products / most_products) | 1;  // odd: visits all columns
  }

  SourceTensor operand(const SourceOperation& operation, const std::string& parameter) const {
    const std::string& name = operation.arguments.at(parameter);
    if (tensors.contains(name)) return tensors.at(name);
    SourceTensor scalar(Dimensions{});
    scalar.values = {program_.value_of(operation, parameter, 0)};
    return scalar;
  }

  SourceTensor evaluate(const SourceOperation& op) const {
    if (op.type == "conv") return convolution(op);
    if (op.type == "matmul") return product(op);
    if (op.type == "transpose") return transpose(op);
    if (op.type == "tile") return tile(op);
    if (op.type == "softmax") return softmax(op);
    if (op.type == "layer_norm") return layer_norm(op);
    if (op.type == "select") return select(op);
    if (op.type == "concat") return concat(op);
    if (op.type.starts_with("reduce_")) return reduce(op);
    if (op.has("y")) return binary(op);
    SourceTensor result = operand(op, "x");
    const std::function<double(double)> function = unary(op);
    for (double& value : result.values) value = function(value);
    return result;
  }

  std::function<double(double)> unary(const SourceOperation& op) const {
    const std::string& type = op.type;
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    if (type == "cast") return [](double x) { return x; };
    if (type == "relu") return [](double x) { return x < 0 ? 0 : x; };
    if (type == "abs") return [](double x) { return std::fabs(x); };
    if (type == "exp") return [](double x) { return std::exp(x); };
    if (type == "sqrt") return [](double x) { return std::sqrt(x); };
    if (type == "tanh") return [](double x) { return std::tanh(x); };
    if (type == "sigmoid") return sigmoid;
    if (type == "silu") return [=](double x) { return x * sigmoid(x); };
    if (type == "logical_not") return [](double x) { return x == 0 ? 1 : 0; };
    if (type == "rsqrt") {
      const double epsilon = program_.value_of(op, "epsilon", 0);
      return [=](double x) { return 1 / std::sqrt(x + epsilon); };
    }
    if (type == "leaky_relu") {
      const double alpha = program_.value_of(op, "alpha", 0);
      return [=](double x) { return x < 0 ? alpha * x : x; };
    }
    if (type == "gelu") {
      if (program_.text_of(op, "mode") == "EXACT")
        return [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); };
      return [=](double x) { return x * sigmoid(1.702 * x); };
    }
    throw std::runtime_error("no evaluation of " + type);
  }

  static double apply(const std::string& type, double a, double b) {
    if (type == "add") return a + b;
    if (type == "sub") return a - b;
    if (type == "mul") return a * b;
    if (type == "real_div") return a / b;
    if (type == "maximum") return std::max(a, b);
    if (type == "minimum") return std::min(a, b);
    if (type == "less") return a < b;
    throw std::runtime_error("no evaluation of " + type);
  }

  // Element `index` of `shape`, looked up in a tensor whose axes may have length 1 or be missing in front.
  static double broadcast(const SourceTensor& tensor, const Dimensions& shape, int64_t index) {
    int64_t at = 0, step = 1;
    for (size_t back = 1; back <= shape.size(); ++back) {
      const int64_t extent = shape[shape.size() - back], position = index % extent;
      index /= extent;
      if (back > tensor.shape.size()) continue;
      const int64_t own = tensor.shape[tensor.shape.size() - back];
      at += (own == 1 ? 0 : position) * step, step *= own;
    }
    return tensor.values[static_cast<size_t>(at)];
  }

  SourceTensor binary(const SourceOperation& op) const {
    const SourceTensor a = operand(op, "x"), b = operand(op, "y");
    Dimensions shape = a.shape.size() >= b.shape.size() ? a.shape : b.shape;
    for (size_t back = 1; back <= std::min(a.shape.size(), b.shape.size()); ++back)
      shape[shape.size() - back] = std::max(a.shape[a.shape.size() - back], b.shape[b.shape.size() - back]);
    SourceTensor result(shape);
    for (size_t i = 0; i < result.values.size(); ++i) {
      const auto index = static_cast<int64_t>(i);
      result.values[i] = apply(op.type, broadcast(a, shape, index), broadcast(b, shape, index));
    }
    return result;
  }

  SourceTensor select(const SourceOperation& op) const {
    const SourceTensor a = operand(op, "a"), b = operand(op, "b"), condition = operand(op, "cond");
    SourceTensor result(a.shape);
    for (size_t i = 0; i < result.values.size(); ++i)
      result.values[i] = condition.values[i] != 0 ? a.values[i] : b.values[i];
    return result;
  }

  // Along channels, of one image.
  SourceTensor concat(const SourceOperation& op) const {
    SourceTensor result(op.shape);
    const SourceTensor a = operand(op, "x"), b = operand(op, "y");
    std::copy(b.values.begin(), b.values.end(),
              std::copy(a.values.begin(), a.values.end(), result.values.begin()));
    return result;
  }

  SourceTensor product(const SourceOperation& op) const {
    const SourceTensor a = operand(op, "x"), b = operand(op, "y");
    const bool across_a = program_.value_of(op, "transpose_x", 0) != 0,
               across_b = program_.value_of(op, "transpose_y", 0) != 0;
    const size_t rank = a.shape.size();
    const int64_t m = a.shape[rank - (across_a ? 1 : 2)], k = a.shape[rank - (across_a ? 2 : 1)],
                  n = b.shape[b.shape.size() - (across_b ? 2 : 1)];
    Dimensions shape = a.shape;
    shape[rank - 2] = m, shape[rank - 1] = n;
    SourceTensor result(shape);
    std::fill(result.values.begin(), result.values.end(), std::numeric_limits<double>::quiet_NaN());
    const int64_t step_a = across_a ? m : 1, step_b = across_b ? 1 : n;
    for (int64_t i = 0; i < m * n; i += stride_of(m * n, k)) {
      const double* left = a.values.data() + (across_a ? i / n : i / n * k);
      const double* right = b.values.data() + (across_b ? i % n * k : i % n);
      double sum = 0;
      for (int64_t at = 0; at < k; ++at) sum += left[at * step_a] * right[at * step_b];
      result.values[static_cast<size_t>(i)] = sum;
    }
    return result;
  }

  struct Convolution {
    int64_t inputs, height, width, stride, groups, top, left;
  };

  Convolution convolution_of(const SourceOperation& op, const SourceTensor& x, const SourceTensor& w) const {
    Convolution c{w.shape[1], w.shape[2], w.shape[3], 1, 1, 0, 0};
    if (op.has("strides")) c.stride = static_cast<int64_t>(program_.values_of(op, "strides")[0]);
    c.groups = static_cast<int64_t>(program_.value_of(op, "groups", 1));
    const std::string padding = program_.text_of(op, "pad_type");
    if (padding == "same") {
      const auto before = [&](int64_t size, int64_t kernel) {
        const int64_t outputs = (size + c.stride - 1) / c.stride;
        return std::max<int64_t>(0, (outputs - 1) * c.stride + kernel - size) / 2;
      };
      c.top = before(x.shape[2], c.height), c.left = before(x.shape[3], c.width);
    } else if (padding == "custom") {
      const std::vector<double> pad = program_.values_of(op, "pad");
      c.top = static_cast<int64_t>(pad[0]), c.left = static_cast<int64_t>(pad[2]);
    }
    return c;
  }

  SourceTensor convolution(const SourceOperation& op) const {
    const SourceTensor x = operand(op, "x"), w = operand(op, "weight");
    const Convolution c = convolution_of(op, x, w);
    const SourceTensor bias = op.has("bias") ? operand(op, "bias") : SourceTensor();
    SourceTensor result(op.shape);
    std::fill(result.values.begin(), result.values.end(), std::numeric_limits<double>::quiet_NaN());
    const int64_t width = op.shape[3], height = op.shape[2], per_group = op.shape[1] / c.groups;
    const auto elements = static_cast<int64_t>(result.values.size());
    for (int64_t i = 0; i < elements; i += stride_of(elements, c.inputs * c.height * c.width)) {
      const int64_t column = i % width, row = i / width % height, channel = i / (width * height);
      double sum = bias.values.empty() ? 0 : bias.values[static_cast<size_t>(channel)];
      for (int64_t in = 0; in < c.inputs; ++in)
        for (int64_t ky = 0; ky < c.height; ++ky)
          for (int64_t kx = 0; kx < c.width; ++kx) {
            const int64_t y = row * c.stride + ky - c.top, from = column * c.stride + kx - c.left;
            if (y < 0 || from < 0 || y >= x.shape[2] || from >= x.shape[3]) continue;
            const int64_t source = (channel / per_group * c.inputs + in) * x.shape[2] + y;
            const int64_t weight = ((channel * c.inputs + in) * c.height + ky) * c.width + kx;
            sum += x.values[static_cast<size_t>(source * x.shape[3] + from)] *
                   w.values[static_cast<size_t>(weight)];
          }
      result.values[static_cast<size_t>(i)] = sum;
    }
    return result;
  }

  SourceTensor transpose(const SourceOperation& op) const {
    const SourceTensor x = operand(op, "x");
    const std::vector<double> order = program_.values_of(op, "perm");
    Dimensions shape;
    for (const double axis : order) shape.push_back(x.shape[static_cast<size_t>(axis)]);
    SourceTensor result(shape);
    for (size_t i = 0; i < result.values.size(); ++i) {
      auto rest = static_cast<int64_t>(i);
      int64_t from = 0;
      for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
        from += rest % shape[axis] * x.step(static_cast<size_t>(order[axis]));
      result.values[i] = x.values[static_cast<size_t>(from)];
    }
    return result;
  }

  SourceTensor tile(const SourceOperation& op) const {
    const SourceTensor x = operand(op, "x");
    const std::vector<double> repetitions = program_.values_of(op, "reps");
    Dimensions shape = x.shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) shape[axis] *= static_cast<int64_t>(repetitions[axis]);
    SourceTensor result(shape);
    for (size_t i = 0; i < result.values.size(); ++i) {
      auto rest = static_cast<int64_t>(i);
      int64_t from = 0;
      for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
        from += rest % shape[axis] % x.shape[axis] * x.step(axis);
      result.values[i] = x.values[static_cast<size_t>(from)];
    }
    return result;
  }

  // For every element the number of the group of elements that share their place on the axes not named.
  std::vector<size_t> groups_of(const SourceOperation& op, const SourceTensor& x, const char* parameter,
                                Dimensions& kept) const {
    kept = x.shape;
    for (double axis : program_.values_of(op, parameter))
      kept[static_cast<size_t>(axis < 0 ? axis + static_cast<double>(kept.size()) : axis)] = 1;
    std::vector<size_t> groups(x.values.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      auto rest = static_cast<int64_t>(i);
      int64_t group = 0, step = 1;
      for (size_t axis = kept.size(); axis-- > 0; rest /= x.shape[axis]) {
        group += rest % x.shape[axis] % kept[axis] * step;
        step *= kept[axis];
      }
      groups[i] = static_cast<size_t>(group);
    }
    return groups;
  }

  SourceTensor reduce(const SourceOperation& op) const {
    const SourceTensor x = operand(op, "x");
    Dimensions kept;
    const std::vector<size_t> groups = groups_of(op, x, "axes", kept);
    SourceTensor result(kept);
    const bool maximum = op.type == "reduce_max";
    if (maximum) std::fill(result.values.begin(), result.values.end(), -1e30);
    for (size_t i = 0; i < groups.size(); ++i) {
      double& to = result.values[groups[i]];
      to = maximum ? std::max(to, x.values[i]) : to + x.values[i];
    }
    const double count = static_cast<double>(x.values.size()) / static_cast<double>(result.values.size());
    if (op.type == "reduce_mean")
      for (double& value : result.values) value /= count;
    return result;
  }

  SourceTensor softmax(const SourceOperation& op) const {
    SourceTensor x = operand(op, "x");
    Dimensions kept;
    const std::vector<size_t> groups = groups_of(op, x, "axis", kept);
    std::vector<double> sums(x.values.size());
    for (size_t i = 0; i < groups.size(); ++i) sums[groups[i]] += std::exp(x.values[i]);
    for (size_t i = 0; i < groups.size(); ++i) x.values[i] = std::exp(x.values[i]) / sums[groups[i]];
    return x;
  }

  SourceTensor layer_norm(const SourceOperation& op) const {
    SourceTensor x = operand(op, "x");
    Dimensions kept;
    const std::vector<size_t> groups = groups_of(op, x, "axes", kept);
    const double count = static_cast<double>(x.values.size()) / static_cast<double>(count_of(kept));
    std::vector<double> means(x.values.size()), variances(x.values.size());
    for (size_t i = 0; i < groups.size(); ++i) means[groups[i]] += x.values[i] / count;
    for (size_t i = 0; i < groups.size(); ++i)
      variances[groups[i]] += std::pow(x.values[i] - means[groups[i]], 2) / count;
    const double epsilon = program_.value_of(op, "epsilon", 0);
    for (size_t i = 0; i < groups.size(); ++i)
      x.values[i] = (x.values[i] - means[groups[i]]) / std::sqrt(variances[groups[i]] + epsilon);
    return x;
  }

  const SourceProgram& program_;
  bool last_ = false;
};

}  // namespace ane::sim::test
