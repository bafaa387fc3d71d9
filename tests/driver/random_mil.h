// Random small ML Programs, each from a seed: chains of operations with the shapes, axes and broadcasts that
// people rarely write by hand. Ranks 2 to 4.
//
// Values stay near 1: matrices and kernels are scaled by their fan-in, and what has a pole or a cliff
// (division, comparison, the root of a variance) gets an argument that keeps away from it, or a result that
// is continuous there. Then a low signal-to-noise ratio is a wrong program, and not one that binary16 cannot
// hold.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mil/text.h"
#include "support/mil_builder.h"

namespace ane::test {

class RandomMil {
 public:
  explicit RandomMil(uint64_t seed) : engine_(seed) {
    const int64_t rank = between(2, 4);
    Shape shape;
    for (int64_t i = 0; i < rank; ++i) shape.push_back(length(rank - i));
    if (rank == 4 && between(1, 4) > 1) shape[0] = 1;
    add_input(shape);
    const int64_t operations = between(1, 5);
    for (int64_t i = 0; i < operations; ++i) append();
    builder_.output(last_);
  }

  mil::Program program() {
    mil::Program program;
    program.version = "1.3";
    program.functions.push_back(builder_.function());
    return program;
  }

 private:
  using Shape = std::vector<int64_t>;
  static constexpr mil::DataType half = mil::DataType::Float16;

  // ---- Chance ----

  int64_t between(int64_t low, int64_t high) {  // both included; the same with every standard library
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  template <typename T>
  T one_of(const std::vector<T>& values) {
    return values[static_cast<size_t>(between(0, static_cast<int64_t>(values.size()) - 1))];
  }
  // The axis `from_end` places from the end.
  int64_t length(int64_t from_end) {
    if (from_end == 4) return between(1, 3);
    return one_of<int64_t>({1, 2, 3, 5, 8, 13, 16, 17, 24, 32, 33, 40, 48, 64, 77});
  }
  std::vector<double> numbers(int64_t count, double bound) {
    std::vector<double> values(static_cast<size_t>(count));
    for (double& value : values) value = bound * (static_cast<double>(between(0, 2000)) / 1000 - 1);
    return values;
  }
  static int64_t count(const Shape& shape) {
    int64_t product = 1;
    for (const int64_t axis : shape) product *= axis;
    return product;
  }

  // ---- Values ----

  std::string fresh() { return fmt::format("v{}", ++values_); }
  void add_input(const Shape& shape) {
    last_ = fmt::format("x{}", inputs_++);
    shape_ = shape;
    builder_.input(last_, shape, half);
  }
  std::string other_input(const Shape& shape) {
    const std::string name = fmt::format("x{}", inputs_++);
    builder_.input(name, shape, half);
    return name;
  }
  std::string constant(const Shape& shape, double bound) {
    const std::string name = fresh();
    builder_.constant(name, mil_numbers(shape, numbers(count(shape), bound), half));
    return name;
  }
  std::string result(const std::string& type, std::vector<mil::Argument> arguments, const Shape& shape,
                     mil::DataType element = half) {
    const std::string name = fresh();
    builder_.op(type, std::move(arguments), name, shape, element);
    return name;
  }
  void become(const std::string& type, std::vector<mil::Argument> arguments, const Shape& shape) {
    last_ = result(type, std::move(arguments), shape);
    shape_ = shape;
  }

  // Some axes, at least one, in order.
  std::vector<int64_t> some_axes() {
    std::vector<int64_t> axes;
    const auto rank = static_cast<int64_t>(shape_.size());
    for (int64_t axis = rank == 4 ? 1 : 0; axis < rank; ++axis)
      if (between(0, 1)) axes.push_back(axis);
    if (axes.empty()) axes.push_back(rank - 1);
    return axes;
  }

  // ---- Operations ----

  void append() {
    using Step = void (RandomMil::*)();
    const std::vector<Step> steps = {&RandomMil::unary,     &RandomMil::binary,      &RandomMil::reduce,
                                     &RandomMil::normalise, &RandomMil::softmax,     &RandomMil::transpose,
                                     &RandomMil::product,   &RandomMil::choose,      &RandomMil::convolve,
                                     &RandomMil::slice,     &RandomMil::concatenate, &RandomMil::divide};
    (this->*one_of(steps))();
  }

  void unary() { become(one_of<std::string>({"relu", "abs", "tanh", "square"}), {arg("x", last_)}, shape_); }

  // With a tensor of which some axes are 1.
  void binary() {
    Shape other = shape_;
    for (size_t i = 0; i < other.size(); ++i)
      if (between(0, 2) == 0) other[i] = 1;
    const std::string operand = between(0, 1) ? constant(other, 1) : other_input(other);
    const std::string type = one_of<std::string>({"add", "sub", "mul", "maximum", "minimum"});
    const bool left = between(0, 1);
    become(type, {arg("x", left ? operand : last_), arg("y", left ? last_ : operand)}, shape_);
  }

  // By 1 or more.
  void divide() {
    const std::string magnitude = result("abs", {arg("x", other_input(shape_))}, shape_);
    const std::string divisor = result("add", {arg("x", magnitude), arg("y", mil_number(1, half))}, shape_);
    become("real_div", {arg("x", last_), arg("y", divisor)}, shape_);
  }

  void reduce() {
    const std::vector<int64_t> axes = some_axes();
    Shape shape = shape_;
    for (const int64_t axis : axes) shape[static_cast<size_t>(axis)] = 1;
    become(one_of<std::string>({"reduce_mean", "reduce_max", "reduce_min"}),
           {arg("x", last_), arg("axes", mil_integers(axes)), arg("keep_dims", mil_truth(true))}, shape);
  }

  void normalise() {
    become("layer_norm",
           {arg("x", last_), arg("axes", mil_integers(some_axes())), arg("epsilon", mil_number(0.25, half))},
           shape_);
  }

  void softmax() {
    const auto rank = static_cast<int64_t>(shape_.size());
    become("softmax", {arg("x", last_), arg("axis", mil_integer(between(rank == 4 ? 1 : 0, rank - 1)))},
           shape_);
  }

  void transpose() {
    std::vector<int64_t> order;
    for (size_t i = 0; i < shape_.size(); ++i) order.push_back(static_cast<int64_t>(i));
    const auto first = static_cast<int64_t>(shape_.size() == 4);
    const auto last = static_cast<int64_t>(shape_.size()) - 1;
    if (last <= first) return unary();
    std::swap(order[static_cast<size_t>(between(first, last))],
              order[static_cast<size_t>(between(first, last))]);
    Shape shape;
    for (const int64_t axis : order) shape.push_back(shape_[static_cast<size_t>(axis)]);
    become("transpose", {arg("x", last_), arg("perm", mil_integers(order))}, shape);
  }

  void product() {
    const size_t rank = shape_.size();
    const bool turned = between(0, 1), other_turned = between(0, 1), runtime = between(0, 1);
    const int64_t inner = shape_[turned ? rank - 2 : rank - 1], columns = length(1);
    Shape other = runtime ? shape_ : Shape(2), to = shape_;
    other[other.size() - 2] = other_turned ? columns : inner;
    other[other.size() - 1] = other_turned ? inner : columns;
    to[rank - 2] = shape_[turned ? rank - 1 : rank - 2];
    to[rank - 1] = columns;
    const double bound = std::sqrt(3.0 / static_cast<double>(inner));
    std::string right;
    if (runtime)
      right = result("mul", {arg("x", other_input(other)), arg("y", mil_number(bound, half))}, other);
    else
      right = constant(other, bound);
    become("matmul",
           {arg("x", last_), arg("y", right), arg("transpose_x", mil_truth(turned)),
            arg("transpose_y", mil_truth(other_turned))},
           to);
  }

  // x < y ? x : y, which has no cliff.
  void choose() {
    const std::string other = other_input(shape_);
    const std::string condition = result(one_of<std::string>({"less", "less_equal"}),
                                         {arg("x", last_), arg("y", other)}, shape_, mil::DataType::Bool);
    become("select", {arg("a", last_), arg("b", other), arg("cond", condition)}, shape_);
  }

  void convolve() {
    if (shape_.size() != 4) return product();
    const int64_t channels = length(3), kernel = one_of<int64_t>({1, 1, 3, 5});
    const int64_t fan_in = shape_[1] * kernel * kernel;
    const std::string weight =
        constant({channels, shape_[1], kernel, kernel}, std::sqrt(3.0 / static_cast<double>(fan_in)));
    become("conv", {arg("x", last_), arg("weight", weight), arg("pad_type", mil_text("same"))},
           {shape_[0], channels, shape_[2], shape_[3]});
  }

  void slice() {
    Shape begin, size;
    for (const int64_t axis : shape_) {
      begin.push_back(between(0, axis - 1));
      size.push_back(between(1, axis - begin.back()));
    }
    if (shape_.size() == 4) begin[0] = 0, size[0] = shape_[0];
    become("slice_by_size",
           {arg("x", last_), arg("begin", mil_integers(begin)), arg("size", mil_integers(size))}, size);
  }

  void concatenate() {
    const auto axis = between(shape_.size() == 4, static_cast<int64_t>(shape_.size()) - 1);
    Shape other = shape_, shape = shape_;
    other[static_cast<size_t>(axis)] = between(1, 9);
    shape[static_cast<size_t>(axis)] += other[static_cast<size_t>(axis)];
    const std::string second = other_input(other);
    become("concat",
           {tuple_arg("values", {binding(last_), binding(second)}), arg("axis", mil_integer(axis)),
            arg("interleave", mil_truth(false))},
           shape);
  }

  std::mt19937_64 engine_;
  MilBuilder builder_;
  std::string last_;
  Shape shape_;
  int values_ = 0, inputs_ = 0;
};

}  // namespace ane::test
