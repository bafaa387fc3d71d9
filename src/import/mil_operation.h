// The operation at hand during import of a MIL function: typed access to its operands, and the units made of
// it so far. Each operation type has one function (mil_*.cc) from this to the tensors of its outputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aneir/network.h"
#include "import/refusal.h"
#include "mil/program.h"

namespace ane::import {

// What is known of a MIL value: its type, its content where that is known before the program runs, and its
// tensor once there is one (a constant gets it when a unit first reads it).
struct MilValue {
  mil::Type type;
  mil::ValuePointer constant;
  aneir::TensorId tensor = aneir::no_tensor;
  bool stands_in = false;  // its operation was refused
  int64_t bound = 0;       // of the magnitude, of integers computed at run time
  bool is_label = false;   // of a classifier: worked out from the scores by whoever runs the program
};
using MilValues = std::map<std::string, MilValue>;

// The engine's axis for axis `index` of a MIL value; none for axes before Batch, which have length 1, and for
// those of more than four longer ones that are merged into Channel (engine_shape).
std::optional<aneir::Axis> engine_axis(const std::vector<int64_t>& shape, size_t index);

// Throw Refusal for types that the engine has no tensor of: strings, wide floats, unknown lengths. Integers
// are fp16 numbers, which hold those up to most_exact_integer. Axes align to the right; of five and more, the
// last two are rows and columns and the others together channels, unless only the last three are longer
// than 1.
aneir::Shape engine_shape(const mil::Type& type);
aneir::ElementType engine_type(const mil::Type& type);

// A tensor read so that its axes `first` to `end` - 1 are one axis of the engine, which moves nothing.
struct LoneAxis {
  aneir::Shape shape;
  aneir::Axis axis = aneir::Axis::Channel;
};
LoneAxis alone_along(const std::vector<int64_t>& shape, size_t first, size_t end);

// Integers that a program computes (mil_integers.cc).
inline constexpr int64_t most_exact_integer = 2048;
bool is_integer(const mil::Type& type);
int64_t bound_of(const mil::Value& value);  // the largest magnitude; of integers and truths

// Thrown where an operation needs the content of a value whose own operation was refused: no reason of its
// own.
struct Consequence {};

using Tops = std::vector<aneir::TensorId>;

class OperationImport {
 public:
  OperationImport(const mil::Operation& from, MilValues& values, aneir::Network& to);

  const mil::Operation& operation;
  aneir::Network& network;

  [[noreturn]] void refuse(const std::string& reason) const { throw Refusal{reason}; }
  void require(bool condition, const std::string& reason) const {
    if (!condition) refuse(reason);
  }

  // ---- Operands. Those that are not bound, or not what is asked for, are refused.

  bool has(const std::string& parameter) const;
  size_t count(const std::string& parameter) const;  // elements of a tuple; 1 of others, 0 when not bound
  const mil::Type& type(const std::string& parameter, size_t index = 0) const;
  size_t rank(const std::string& parameter) const { return type(parameter).shape.size(); }

  // The same, to be combined element by element with others into a result of type `result`.
  aneir::TensorId aligned(const std::string& parameter, const mil::Type& result);

  // How large the integers or truths of an operand can be.
  int64_t bound(const std::string& parameter, size_t index = 0) const;

  // As a tensor; constants become one.
  aneir::TensorId tensor(const std::string& parameter, size_t index = 0);
  aneir::Shape shape(const std::string& parameter, size_t index = 0) const;
  aneir::Shape shape(aneir::TensorId tensor) const { return network.tensor(tensor).shape; }

  // As a constant: null when it is computed at run time or not bound; refused by the second.
  mil::ValuePointer constant(const std::string& parameter, size_t index = 0) const;
  mil::ValuePointer known(const std::string& parameter, size_t index = 0) const;
  // The elements of a floating or bool constant; refused unless there are `elements`.
  aneir::Constant numbers(const std::string& parameter, int64_t elements) const;

  // One number, where the operand is a constant of one element.
  std::optional<float> scalar(const std::string& parameter) const;
  float number(const std::string& parameter) const;
  float number(const std::string& parameter, float fallback) const;
  int64_t integer(const std::string& parameter) const;
  int64_t integer(const std::string& parameter, int64_t fallback) const;
  bool flag(const std::string& parameter, bool fallback) const;
  std::string text(const std::string& parameter, const std::string& fallback) const;
  std::vector<int64_t> integers(const std::string& parameter) const;
  // Exactly `length` of them; `fallback` for each when the parameter is not bound.
  std::vector<int64_t> integers(const std::string& parameter, size_t length, int64_t fallback) const;

  // ---- Axes

  // Within 0..rank - 1; negative ones count from the end.
  size_t axis_index(int64_t axis, size_t rank) const;
  // Refused for axes that the engine does not have.
  aneir::Axis axis(int64_t axis, const std::vector<int64_t>& shape) const;
  aneir::Axis axis(int64_t index, const char* parameter) const { return axis(index, type(parameter).shape); }

  // ---- Results

  const mil::Type& declared(size_t index = 0) const;
  aneir::Shape declared_shape(size_t index = 0) const { return engine_shape(declared(index)); }

  // Appends a unit. Its result's shape follows from the unit, and so does its element type.
  aneir::TensorId add(aneir::Params params, std::vector<aneir::TensorId> bottoms);
  // Short forms; `reshaped` and `broadcast` give `tensor` itself where it has the shape.
  aneir::TensorId reshaped(aneir::TensorId tensor, const aneir::Shape& shape);
  aneir::TensorId broadcast(aneir::TensorId tensor, const aneir::Shape& shape);
  aneir::TensorId constant_tensor(const aneir::Shape& shape, aneir::Constant values);
  aneir::TensorId neuron(aneir::TensorId x, aneir::NeuronType type, float alpha = 0, float beta = 0,
                         float input_scale = 1);
  aneir::TensorId linear(aneir::TensorId x, float scale, float offset);
  aneir::TensorId binary(aneir::ElementWiseOp op, aneir::TensorId a, aneir::TensorId b);

  // Gives units and tensors their names, and results their declared element types, once all are there.
  void name_results(const Tops& tops);

 private:
  // A binding with what it is bound to.
  struct Operand {
    const mil::Type* type = nullptr;
    mil::ValuePointer constant;
    MilValue* named = nullptr;
  };
  std::optional<Operand> find(const std::string& parameter, size_t index) const;
  Operand operand(const std::string& parameter, size_t index) const;
  const mil::Value& one_value(const std::string& parameter) const;
  aneir::TensorId repeated(aneir::TensorId x, std::vector<int64_t>& lengths,
                           const std::vector<int64_t>& wanted, size_t merged);

  MilValues& values_;
  const std::string label_;
  const size_t first_unit_;
};

// An array of numbers as the network keeps it: a view where it has that element type.
aneir::Constant constant_of(const mil::Value& value);

// The results of an operation on constants that is simple enough to be done here: arithmetic on shapes,
// casts, and what only rearranges. Nothing where there is no rule. (mil_fold.cc)
std::optional<std::vector<mil::ValuePointer>> fold(const OperationImport& at);

// The bound of an operation's integer results. Refused where it has none. (mil_integers.cc)
int64_t integer_bound(const OperationImport& at);

// The shapes of all results where the operation has a rule for them, else nothing. (mil_shapes.cc)
std::vector<std::vector<int64_t>> known_shapes(const OperationImport& at);

// Elements begin, begin + step, ... of one axis.
struct Range {
  int64_t begin = 0, count = 1, step = 1;
};
// How to cut a tensor along one axis, or to join tensors: as a tensor of `shape`, which moves nothing, along
// `axis`, where one element of the axis is `unit` that lie side by side.
struct Cut {
  aneir::Shape shape;
  aneir::Axis axis = aneir::Axis::Channel;
  int64_t unit = 1;
};
Cut cut_along(const std::vector<int64_t>& shape, size_t index);

// What slice_by_index takes of each axis.
std::vector<Range> slice_ranges(const OperationImport& at);

// Movement of tensors `x` of MIL shape `shape` (mil_movement.cc). What is refused names the operation's axes.
// `sliced`: one range for each axis. `taken`: the elements at `positions` of one axis. `transposed`: axis i
// of the result is axis perm[i]; the result has some shape of as many elements. `joined`: tensors along an
// axis of the result, whose shape is `shape`.
aneir::TensorId sliced(OperationImport& at, aneir::TensorId x, std::vector<int64_t> shape,
                       const std::vector<Range>& ranges);
aneir::TensorId taken(OperationImport& at, aneir::TensorId x, const std::vector<int64_t>& shape, size_t index,
                      const std::vector<int64_t>& positions);
aneir::TensorId transposed(OperationImport& at, aneir::TensorId x, const std::vector<int64_t>& shape,
                           const std::vector<size_t>& perm);
aneir::TensorId joined(OperationImport& at, const std::vector<int64_t>& shape, size_t index,
                       const std::vector<aneir::TensorId>& parts, bool interleave = false);

// Rows by computed indices, which count from the end when they are below 0. `looked_up`: of parameter x read
// as `matrices` of `rows` and `columns`, one row of each for each index. `from_start`: the indices of an axis
// of `length` as looked_up takes them.
aneir::TensorId looked_up(OperationImport& at, aneir::TensorId indices, int64_t matrices, int64_t rows,
                          int64_t columns);
aneir::TensorId from_start(OperationImport& at, aneir::TensorId index, int64_t length);

// ---- One function for each kind of operation

// mil_functions.cc
Tops import_unary(OperationImport& at);
Tops import_binary(OperationImport& at);
Tops import_select(OperationImport& at);
Tops import_cast(OperationImport& at);
Tops import_quantize(OperationImport& at);
Tops import_dequantize(OperationImport& at);

// mil_element_functions.cc
Tops import_element_function(OperationImport& at);
Tops import_rounded_division(OperationImport& at);

// mil_windows.cc
Tops import_conv(OperationImport& at);
Tops import_conv_transpose(OperationImport& at);
Tops import_pool(OperationImport& at);
Tops import_pad(OperationImport& at);

// mil_matrix.cc
Tops import_matmul(OperationImport& at);
Tops import_linear(OperationImport& at);
Tops import_einsum(OperationImport& at);
Tops import_attention(OperationImport& at);

// mil_statistics.cc
Tops import_reduce(OperationImport& at);
Tops import_reduce_l2_norm(OperationImport& at);
Tops import_argument(OperationImport& at);
Tops import_softmax(OperationImport& at);
Tops import_layer_norm(OperationImport& at);
Tops import_instance_norm(OperationImport& at);
Tops import_batch_norm(OperationImport& at);
Tops import_l2_norm(OperationImport& at);
Tops import_local_response_norm(OperationImport& at);
Tops import_log_sum_exp(OperationImport& at);
Tops import_reduce_prod(OperationImport& at);
Tops import_topk(OperationImport& at);
Tops import_cumsum(OperationImport& at);

// mil_recurrent.cc
Tops import_lstm(OperationImport& at);
Tops import_gru(OperationImport& at);
Tops import_rnn(OperationImport& at);

// mil_rearrange.cc
Tops import_depth_to_space(OperationImport& at);
Tops import_space_to_depth(OperationImport& at);
Tops import_pixel_shuffle(OperationImport& at);
Tops import_pixel_unshuffle(OperationImport& at);
Tops import_crop(OperationImport& at);
Tops import_reverse(OperationImport& at);
Tops import_sliding_windows(OperationImport& at);
Tops import_slice_update(OperationImport& at);
Tops import_space_to_batch(OperationImport& at);
Tops import_batch_to_space(OperationImport& at);

// mil_resize.cc
Tops import_resize_nearest(OperationImport& at);
Tops import_resize_bilinear(OperationImport& at);
Tops import_resize(OperationImport& at);
Tops import_upsample(OperationImport& at);
Tops import_upsample_bilinear(OperationImport& at);
Tops import_crop_resize(OperationImport& at);

// mil_indices.cc
Tops import_gather_nd(OperationImport& at);
Tops import_gather_along_axis(OperationImport& at);
Tops import_reverse_sequence(OperationImport& at);
Tops import_scatter(OperationImport& at);
Tops import_scatter_along_axis(OperationImport& at);
Tops import_scatter_nd(OperationImport& at);
Tops import_one_hot(OperationImport& at);
Tops import_band_part(OperationImport& at);

// mil_movement.cc
Tops import_identity(OperationImport& at);
Tops import_reshape(OperationImport& at);
Tops import_transpose(OperationImport& at);
Tops import_slice_by_index(OperationImport& at);
Tops import_slice_by_size(OperationImport& at);
Tops import_gather(OperationImport& at);
Tops import_concat(OperationImport& at);
Tops import_stack(OperationImport& at);
Tops import_split(OperationImport& at);
Tops import_tile(OperationImport& at);

}  // namespace ane::import
