// The validator: what shape a unit gives, and which constraints its parameters and operands must meet.
//
// One rule per unit type, used by importers (through Network::add_unit), by the reader of net.plist and by
// check(), so that no later code needs to ask again. Constraints are those of the field, not of one engine:
// what H13 cannot do although it is well formed is decided in src/h13. Where Apple's compiler has a wording
// for a refusal we use it, so that people can search for it.
#include <algorithm>
#include <string>
#include <type_traits>

#include "aneir/network.h"
#include "base/error.h"

namespace ane::aneir {
namespace {

// A reason is a text or makes one: a network is checked after every pass, and texts are long to make.
template <typename Text>
std::string text_of(const Text& why) {
  if constexpr (std::is_invocable_v<Text>)
    return why();
  else
    return why;
}

// What a rule sees: the operands and whom to blame.
struct Operands {
  std::span<const Shape> shapes;
  const std::string& unit;

  [[noreturn]] void fail(const std::string& why, const std::string& remedy = "") const {
    throw Error("", unit, why, remedy);
  }
  template <typename Text>
  void require(bool condition, const Text& why) const {
    if (!condition) fail(text_of(why));
  }
  const Shape& only(const char* type) const {
    require(shapes.size() == 1,
            [&] { return std::string(type) + " reads one tensor, not " + std::to_string(shapes.size()); });
    return shapes[0];
  }
};

void require_count(const Operands& in, const Constant& constant, int64_t count, const char* what) {
  const int64_t size = size_of(constant.type);
  in.require(static_cast<int64_t>(constant.bytes.size()) % size == 0 && constant.count() == count, [&] {
    return std::string(what) + " hold " + std::to_string(constant.bytes.size() / static_cast<size_t>(size)) +
           " values where " + std::to_string(count) + " are needed";
  });
}

// One spatial axis of a convolution or pooling window.
struct Window {
  const char* axis;
  int kernel, stride, dilation, pad_low, pad_high;

  int64_t extent() const { return int64_t{dilation} * (kernel - 1) + 1; }
};

void require_sane(const Operands& in, const Window& window) {
  const auto inside = [&](int value, int low, const char* what) {
    in.require(value >= low && value <= max_window, [&] {
      return std::string("Invalid ") + what + " " + window.axis + " = " + std::to_string(value) +
             ", It should be in [" + std::to_string(low) + "," + std::to_string(max_window) + "]";
    });
  };
  inside(window.kernel, 1, "conv kernel");
  inside(window.stride, 1, "step");
  inside(window.dilation, 1, "dilation");
  inside(window.pad_low, 0, "padding");
  inside(window.pad_high, 0, "padding");
}

// floor((in + pads - extent) / stride) + 1
int64_t windows(const Operands& in, const Window& window, int64_t length) {
  const int64_t padded = length + window.pad_low + window.pad_high;
  in.require(padded >= window.extent(), [&] {
    return std::string("kernel ") + window.axis + " reaches over " + std::to_string(window.extent()) +
           " elements, the padded input has " + std::to_string(padded);
  });
  return (padded - window.extent()) / window.stride + 1;
}

int64_t transposed_windows(const Operands& in, const Window& window, int64_t length) {
  const int64_t result = (length - 1) * window.stride + window.extent() - window.pad_low - window.pad_high;
  in.require(result >= 1, std::string("padding cuts away the whole ") + window.axis);
  return result;
}

Shape shape_of(const Conv& conv, const Operands& in) {
  const Shape& input = in.only("Conv");
  in.require(conv.output_channels >= 1 && conv.output_channels <= max_axis, "a Conv needs output channels");
  in.require(conv.groups >= 1 && input.c % conv.groups == 0 && conv.output_channels % conv.groups == 0, [&] {
    return "input/output channels should be divisible by num group (" + std::to_string(input.c) + " and " +
           std::to_string(conv.output_channels) + " by " + std::to_string(conv.groups) + ")";
  });
  const Window x{"width", conv.kernel_width, conv.stride_x, conv.dilation_x, conv.pad_left, conv.pad_right};
  const Window y{"height", conv.kernel_height, conv.stride_y, conv.dilation_y, conv.pad_top, conv.pad_bottom};
  require_sane(in, x);
  require_sane(in, y);
  require_count(in, conv.weights,
                saturating_product(
                    {conv.output_channels, input.c / conv.groups, conv.kernel_height, conv.kernel_width}),
                "weights");
  if (conv.bias) require_count(in, *conv.bias, conv.output_channels, "biases");
  const auto size = conv.transposed ? transposed_windows : windows;
  return {input.n, input.d, conv.output_channels, size(in, y, input.h), size(in, x, input.w)};
}

Shape shape_of(const Pooling& pooling, const Operands& in) {
  const Shape& input = in.only("Pooling");
  const Window x{"width", pooling.kernel_width, pooling.stride_x, 1, pooling.pad_left, pooling.pad_right};
  const Window y{"height", pooling.kernel_height, pooling.stride_y, 1, pooling.pad_top, pooling.pad_bottom};
  for (const Window& window : {x, y}) {
    require_sane(in, window);
    in.require(window.pad_low < window.kernel && window.pad_high < window.kernel,
               std::string("pooling padding must be smaller than the kernel (") + window.axis + ")");
  }
  return {input.n, input.d, input.c, windows(in, y, input.h), windows(in, x, input.w)};
}

Shape shape_of(const Goc& goc, const Operands& in) {
  const Shape& input = in.only("GOC");
  if (goc.channel_scale) require_count(in, *goc.channel_scale, input.c, "scales");
  if (goc.channel_offset) require_count(in, *goc.channel_offset, input.c, "offsets");
  return input;
}

Shape shape_of(const Neuron&, const Operands& in) {
  return in.only("Neuron");
}

Shape shape_of(const Softmax&, const Operands& in) {
  return in.only("Softmax");
}

// The shape of two operands that may have length 1 where the other has more, over `axes`.
Shape broadcast_of(const Operands& in, const Shape& a, const Shape& b, std::span<const Axis> axes) {
  Shape result;
  for (Axis axis : axes) {
    in.require(a[axis] == b[axis] || a[axis] == 1 || b[axis] == 1,
               "shapes " + a.text() + " and " + b.text() + " do not broadcast along " + name_of(axis));
    result[axis] = std::max(a[axis], b[axis]);
  }
  return result;
}

Shape shape_of(const ElementWise&, const Operands& in) {
  in.require(in.shapes.size() == 2, "ElementWise reads two tensors, not " + std::to_string(in.shapes.size()));
  return broadcast_of(in, in.shapes[0], in.shapes[1], all_axes);
}

Shape shape_of(const MatMul& product, const Operands& in) {
  const size_t operands = product.matrix ? 1 : 2;
  in.require(in.shapes.size() == operands, "MatrixMultiplication reads " + std::to_string(operands) +
                                               " tensors, not " + std::to_string(in.shapes.size()));
  const Shape& a = in.shapes[0];
  Shape b = product.matrix ? Shape{} : in.shapes[1];
  if (product.matrix) {
    b.h = product.matrix_rows, b.w = product.matrix_columns;
    const std::string trouble = trouble_of(b);
    in.require(trouble.empty(), trouble);
    require_count(in, *product.matrix, b.count(), "constants");
  }
  constexpr std::array outer = {Axis::Batch, Axis::Depth, Axis::Channel};
  Shape result = broadcast_of(in, a, b, outer);
  const int64_t inner_a = product.transpose_first ? a.h : a.w, inner_b = product.transpose_second ? b.w : b.h;
  in.require(inner_a == inner_b, "matrices of " + a.text() + " and " + b.text() +
                                     " do not multiply: " + std::to_string(inner_a) + " columns, " +
                                     std::to_string(inner_b) + " rows");
  result.h = product.transpose_first ? a.w : a.h;
  result.w = product.transpose_second ? b.h : b.w;
  if (product.bias) require_count(in, *product.bias, result.w, "biases");
  return result;
}

void require_axes(const Operands& in, const std::vector<Axis>& axes, const char* unit) {
  in.require(!axes.empty(), std::string(unit) + " over no axis");
  for (Axis axis : axes)
    in.require(std::count(axes.begin(), axes.end(), axis) == 1,
               std::string(unit) + " names axis " + name_of(axis) + " twice");
}

Shape shape_of(const Normalize& normalize, const Operands& in) {
  require_axes(in, normalize.axes, "LayerNormalization");
  return in.only("LayerNormalization");
}

Shape shape_of(const Select&, const Operands& in) {
  in.require(in.shapes.size() == 3, "Select reads three tensors, not " + std::to_string(in.shapes.size()));
  for (const Shape& shape : in.shapes)
    in.require(shape == in.shapes[0],
               "Select reads tensors of one shape, not " + in.shapes[0].text() + " and " + shape.text());
  return in.shapes[0];
}

Shape shape_of(const Cast&, const Operands& in) {
  return in.only("Cast");
}

Shape shape_of(const Broadcast& broadcast, const Operands& in) {
  const Shape& input = in.only("Broadcast");
  for (Axis axis : all_axes) {
    in.require(
        input[axis] == 1 || input[axis] == broadcast.shape[axis],
        "cannot broadcast " + input.text() + " to " + broadcast.shape.text() + " along " + name_of(axis));
  }
  return broadcast.shape;
}

Shape shape_of(const Concat& concat, const Operands& in) {
  in.require(in.shapes.size() >= 2, "Concat needs at least two tensors");
  Shape result = in.shapes[0];
  for (const Shape& next : in.shapes.subspan(1)) {
    for (Axis axis : all_axes) {
      if (axis == concat.axis) continue;
      in.require(next[axis] == result[axis], std::string("both concat inputs must have the same ") +
                                                 name_of(axis) + ": " + result.text() + " and " +
                                                 next.text());
    }
    result[concat.axis] += next[concat.axis];
    in.require(result[concat.axis] <= max_axis, "Concat result is too long");
    in.require(!concat.interleave || next[concat.axis] == in.shapes[0][concat.axis],
               "interleaved concat inputs must have the same length");
  }
  return result;
}

Shape shape_of(const Reshape& reshape, const Operands& in) {
  const Shape& input = in.only("Reshape");
  const std::string trouble = trouble_of(reshape.shape);
  in.require(trouble.empty(), trouble);
  in.require(
      input.count() == reshape.shape.count(),
      "Reshape of " + input.text() + " to " + reshape.shape.text() + " changes the number of elements");
  return reshape.shape;
}

Shape shape_of(const Transpose& transpose, const Operands& in) {
  const Shape& input = in.only("Transpose");
  std::array<Axis, 5> sorted = transpose.source;
  std::sort(sorted.begin(), sorted.end());
  in.require(sorted == all_axes, "Transpose must take every axis once");
  Shape result;
  for (size_t i = 0; i < all_axes.size(); ++i) result[all_axes[i]] = input[transpose.source[i]];
  return result;
}

Shape shape_of(const InputView& view, const Operands& in) {
  Shape result = in.only("InputView");
  const int64_t length = result[view.axis];
  const bool fits = view.offset >= 0 && view.offset < length && view.size >= 1 && view.step >= 1 &&
                    view.size - 1 <= (length - 1 - view.offset) / view.step;
  in.require(fits, "InputView of " + std::to_string(view.size) + " elements from " +
                       std::to_string(view.offset) + " in steps of " + std::to_string(view.step) +
                       " leaves axis " + name_of(view.axis) + " of " + std::to_string(length));
  result[view.axis] = view.size;
  return result;
}

Shape shape_of(const Reduction& reduction, const Operands& in) {
  Shape result = in.only("Reduction");
  require_axes(in, reduction.axes, "Reduction");
  for (Axis axis : reduction.axes) result[axis] = 1;
  return result;
}

Shape shape_of(const ConstantTensor& constant, const Operands& in) {
  in.require(in.shapes.empty(), "a constant reads no tensor");
  const std::string trouble = trouble_of(constant.shape);
  in.require(trouble.empty(), trouble);
  require_count(in, constant.values, constant.shape.count(), "constants");
  return constant.shape;
}

// check() itself: an index over the tensors, filled in execution order.
class Checker {
 public:
  Checker(const Network& network, const std::string& file)
      : network_(network), file_(file), produced_(network.tensors.size(), false) {}

  void run() {
    for (const Tensor& tensor : network_.tensors) {
      const std::string trouble = trouble_of(tensor.shape);
      require(trouble.empty(), tensor.name, trouble);
    }
    for (TensorId input : network_.inputs) produce(input, "input");
    for (const Unit& unit : network_.units) check_unit(unit);
    require(!network_.outputs.empty(), network_.name, "a network without outputs");
    for (const Output& output : network_.outputs) {
      require(!output.name.empty(), network_.name, "an output without a name");
      require_produced(output.tensor, output.name);
    }
  }

 private:
  template <typename Text>
  void require(bool condition, const std::string& where, const Text& why) const {
    if (condition) return;
    const std::string text = text_of(why);
    if (file_.empty()) throw InternalError(where + ": " + text);
    throw Error(file_, where, text);
  }

  size_t index(TensorId id, const std::string& where) const {
    require(id >= 0 && static_cast<size_t>(id) < produced_.size(), where,
            [&] { return "tensor number " + std::to_string(id) + " does not exist"; });
    return static_cast<size_t>(id);
  }

  void produce(TensorId id, const std::string& where) {
    const size_t i = index(id, where);
    require(!produced_[i], where,
            [&] { return "tensor " + network_.tensors[i].name + " is produced twice"; });
    produced_[i] = true;
  }

  void require_produced(TensorId id, const std::string& where) const {
    const size_t i = index(id, where);
    require(produced_[i], where,
            [&] { return "tensor " + network_.tensors[i].name + " is read before it is produced"; });
  }

  void check_unit(const Unit& unit) {
    std::vector<Shape> shapes;
    for (TensorId bottom : unit.bottoms) {
      require_produced(bottom, unit.name);
      shapes.push_back(network_.tensor(bottom).shape);
    }
    const Shape expected = rule(unit, shapes);
    produce(unit.top, unit.name);
    const Shape& declared = network_.tensor(unit.top).shape;
    require(declared == expected, unit.name,
            [&] { return "gives " + expected.text() + " where " + declared.text() + " is declared"; });
  }

  Shape rule(const Unit& unit, std::span<const Shape> shapes) const {
    try {
      return result_shape(unit.params, shapes, unit.name);
    } catch (const Error& error) {
      if (file_.empty()) throw InternalError(error.what());
      throw Error(file_, "", error.what());
    }
  }

  const Network& network_;
  const std::string& file_;
  std::vector<bool> produced_;
};

}  // namespace

std::string trouble_of(const Shape& shape) {
  int64_t count = 1;
  for (Axis axis : all_axes) {
    const int64_t length = shape[axis];
    if (length < 1 || length > max_axis) {
      return std::string("axis ") + name_of(axis) + " has length " + std::to_string(length);
    }
    if (count > max_elements / length) return "a tensor of more than 2^40 elements";
    count *= length;
  }
  return "";
}

int64_t saturating_product(std::initializer_list<int64_t> factors) {
  int64_t result = 1;
  for (int64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return INT64_MAX;
  }
  return result;
}

Shape result_shape(const Params& params, std::span<const Shape> bottoms, const std::string& unit_name) {
  const Operands in{bottoms, unit_name};
  for (const Shape& bottom : bottoms) {
    const std::string trouble = trouble_of(bottom);
    in.require(trouble.empty(), "operand: " + trouble);
  }
  const Shape result = std::visit([&](const auto& typed) { return shape_of(typed, in); }, params);
  const std::string trouble = trouble_of(result);
  in.require(trouble.empty(), trouble);
  return result;
}

void check(const Network& network, const std::string& file) {
  Checker(network, file).run();
}

}  // namespace ane::aneir
