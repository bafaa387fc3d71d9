// The ANE network: units over 5-D tensors, the level at which Apple's ANE compiler takes its input
// (net.plist), and the one on which all our passes work. Importers build it, passes rewrite it, src/h13 turns
// it into tasks.
//
// A network is a list of tensors and a list of units in execution order; a unit reads tensors (`bottoms`) and
// writes one (`top`). What a unit does is its `params`, a variant with one struct per unit type. Types that
// Apple's format knows carry its name and meaning. Passes also use a few things that a net.plist cannot say
// (a bias inside a Conv, a scale on an ElementWise, operands that broadcast implicitly); those fields are
// marked "fused" here.
//
// Axes, outermost first in memory: Depth, Batch, Channel, Height, Width. Elements are fp16 unless said
// otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/half.h"

namespace ane::aneir {

enum class Axis { Batch, Depth, Channel, Height, Width };
inline constexpr std::array<Axis, 5> all_axes = {Axis::Batch, Axis::Depth, Axis::Channel, Axis::Height,
                                                 Axis::Width};
const char* name_of(Axis axis);  // the plist's words: "Batch", "Depth", ...

struct Shape {
  int64_t n = 1, d = 1, c = 1, h = 1, w = 1;

  int64_t& operator[](Axis axis);
  int64_t operator[](Axis axis) const;
  int64_t count() const { return n * d * c * h * w; }
  std::string text() const;  // "1x3x224x224" (N C H W; D shown only when not 1)
  friend bool operator==(const Shape&, const Shape&) = default;
};

enum class ElementType { Float16, Float32, UInt8, Int8 };
int64_t size_of(ElementType type);
const char* name_of(ElementType type);  // "Float16", ...

// An array of constants. Copies share the bytes.
struct Constant {
  ElementType type = ElementType::Float32;
  std::shared_ptr<const void> owner;
  ByteSpan bytes;

  int64_t count() const { return static_cast<int64_t>(bytes.size()) / size_of(type); }
  // Decoded: all, or as many from the first-th on as `values` holds.
  std::vector<float> floats() const;
  void read(int64_t first, std::span<float> values) const;
  static Constant of_floats(std::vector<float> values);
  static Constant of_halves(std::vector<Half> values);
};

// ---- Unit parameters
// -----------------------------------------------------------------------------------------------

// Elementwise functions of one variable. alpha, beta as named. Those the engine does in one pass (ReLU, or
// one table) are left to src/h13; the others are decomposed by passes.
enum class NeuronType {
  ReLU,             // max(x, 0)
  LeakyReLU,        // x >= 0 ? x : alpha*x
  ClampedReLU,      // min(max(x, alpha), beta); either may be infinite
  Sigmoid,          // 1 / (1 + e^-x)
  Tanh,             // tanh x
  HardSigmoid,      // min(max(alpha*x + beta, 0), 1)
  ThresholdedReLU,  // x >= alpha ? x : 0
  Elu,              // x >= 0 ? x : alpha*(e^x - 1)
  Softsign,         // x / (1 + |x|)
  Softplus,         // ln(1 + e^x)
  Gelu,             // x * Phi(x)
  Silu,             // x * sigmoid(x)
  GeluBySigmoid,    // x * sigmoid(1.702 x)
  Exp,
  Exp2,
  Log,
  Log2,
  Sqrt,
  Rsqrt,  // 1 / sqrt(x + alpha)
  Inv,    // 1 / (x + alpha)
  Abs,
  Square,
  Power,  // x ^ alpha
  Sign,
  Floor,
  Ceil,
  RoundNearest,
  Erf,
  LogicalNot,  // x == 0 ? 1 : 0
  IsNegative,  // x < 0 ? 1 : 0
  // For whom the tables of Apple's compilers are too coarse (passes/decompose_neuron.cc):
  TanhFitted,   // tanh x
  CenteredPhi,  // Phi(x) - 1/2
};
const char* name_of(NeuronType type);
inline constexpr float gelu_sigmoid_factor = 1.702f;

struct Neuron {
  NeuronType type = NeuronType::ReLU;
  float alpha = 0, beta = 0;
  // Fused: the function is applied to input_scale * x.
  float input_scale = 1;
};

struct Conv {
  int64_t output_channels = 0;
  int kernel_width = 1, kernel_height = 1;
  int stride_x = 1, stride_y = 1;
  int dilation_x = 1, dilation_y = 1;
  int pad_left = 0, pad_right = 0, pad_top = 0, pad_bottom = 0;
  int64_t groups = 1;
  bool transposed = false;  // deconvolution: weights are [Cin][Cout/groups][kh][kw]
  Constant weights;         // [Cout][Cin/groups][kh][kw]
  // Fused:
  std::optional<Constant> bias;      // [Cout]
  std::optional<Neuron> activation;  // ReLU, or any function with a table
};

// y = scale * x + offset: per tensor, or per channel where a vector is given. (In a net.plist the scalar form
// is written as scale * (x + BiasScalar).)
struct Goc {
  float scale = 1, offset = 0;
  std::optional<Constant> channel_scale, channel_offset;  // [C]
};

enum class ElementWiseOp {
  Add,
  Sub,
  Mult,
  Max,
  Min,
  Div,
  Power,
  SquaredDifference,
  Equal,
  NotEqual,
  LessThan,
  GreaterThan,
  LessEqual,
  GreaterEqual
};
const char* name_of(ElementWiseOp op);

// scale * (a op b). Operands have equal shapes after import's Broadcast units; passes may drop those (fused),
// and then either operand may have length 1 where the other has more.
struct ElementWise {
  ElementWiseOp op = ElementWiseOp::Add;
  float scale = 1;
  bool relu = false;  // fused
};

struct Broadcast {
  Shape shape;        // the result's
  bool relu = false;  // fused
};

struct Concat {
  Axis axis = Axis::Channel;
  // Fused: element i of every operand in turn, instead of whole operands; operands of equal length.
  bool interleave = false;
};

// Row-major over N, D, C, H, W.
struct Reshape {
  Shape shape;
};

// Result axis i has the length and content of input axis source[i] (indexed by Axis).
struct Transpose {
  std::array<Axis, 5> source = all_axes;
};

// offset, offset + step, ... (size elements) of one axis.
struct InputView {
  Axis axis = Axis::Channel;
  int64_t offset = 0, size = 1, step = 1;
};

enum class PoolingType { Max, Average, L2 };

struct Pooling {
  PoolingType type = PoolingType::Max;
  int kernel_width = 1, kernel_height = 1;
  int stride_x = 1, stride_y = 1;
  int pad_left = 0, pad_right = 0, pad_top = 0,
      pad_bottom = 0;            // max: -inf; others: 0. May overhang (ceil rules)
  bool exclude_padding = false;  // average: divide by the number of real elements
};

// MeanSquare is fused: the squares are added up in the engine's accumulator, beyond the range of fp16.
enum class ReductionType { Sum, Mean, Max, Min, MeanSquare };

struct Reduction {
  ReductionType type = ReductionType::Sum;
  std::vector<Axis> axes;            // become 1
  std::optional<Neuron> activation;  // fused: applied to the result
};

struct Softmax {
  Axis axis = Axis::Channel;
};

// scale * (A times B) + bias, A and B matrices over Height (rows) and Width (columns), one for each batch and
// channel; either operand may have length 1 there. B is a tensor, or constants of one matrix.
struct MatMul {
  bool transpose_first = false, transpose_second = false;
  std::optional<Constant> matrix;  // B, row-major; then there is one bottom
  int64_t matrix_rows = 0, matrix_columns = 0;
  // Fused:
  float scale = 1;
  std::optional<Constant> bias;      // [columns of the result]
  std::optional<Neuron> activation;  // ReLU, or any function with a table
};

// (x - mean) / sqrt(variance + epsilon), mean and variance over the elements of `axes` together.
struct Normalize {
  std::vector<Axis> axes;
  float epsilon = 0;
};

// Bottoms: condition (0 or not 0), a, b of equal shapes. condition ? a : b
struct Select {};

// The same numbers as elements of another type.
struct Cast {
  ElementType type = ElementType::Float16;
};

// A tensor of constants (no bottoms).
struct ConstantTensor {
  Shape shape;
  Constant values;
};

using Params = std::variant<Conv, Goc, Neuron, ElementWise, Broadcast, Concat, Reshape, Transpose, InputView,
                            Pooling, Reduction, Softmax, MatMul, Normalize, Select, Cast, ConstantTensor>;

// ---- The graph
// -----------------------------------------------------------------------------------------------------

using TensorId = int32_t;
inline constexpr TensorId no_tensor = -1;

struct Tensor {
  std::string name;
  Shape shape;
  ElementType type = ElementType::Float16;
};

struct Unit {
  std::string name;
  std::vector<TensorId> bottoms;
  TensorId top = no_tensor;
  Params params;
  std::string layer;  // the source model's layer that asked for this unit

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&params);
  }
  template <typename T>
  T* as() {
    return std::get_if<T>(&params);
  }
};
const char* type_name(const Unit& unit);  // the plist's Type: "Conv", "GOC", ...

struct Output {
  std::string name;  // as the user knows it
  TensorId tensor = no_tensor;
};

struct Network {
  std::string name = "net";
  std::vector<Tensor> tensors;
  std::vector<Unit> units;       // execution order
  std::vector<TensorId> inputs;  // in the order of the source model
  std::vector<Output> outputs;   // likewise

  TensorId add_tensor(std::string tensor_name, Shape shape, ElementType type = ElementType::Float16);
  // Appends a unit and its result tensor (named like the unit, made unique), with the shape the params imply.
  // A caller that knows an unused name may give it for the tensor, which saves the search for one.
  TensorId add_unit(std::string unit_name, Params params, std::vector<TensorId> bottoms, std::string layer,
                    std::string tensor_name = "");
  // `wanted`, or with a number behind it when a tensor has that name already.
  std::string unused_tensor_name(const std::string& wanted) const;
  const Tensor& tensor(TensorId id) const { return tensors[static_cast<size_t>(id)]; }
  Tensor& tensor(TensorId id) { return tensors[static_cast<size_t>(id)]; }
};

// The shape of a unit's result. Throws Error("", UNIT, ...) when params and bottoms do not fit each other;
// this is the validator's shape rule, so importers get their checks from it too.
Shape result_shape(const Params& params, std::span<const Shape> bottoms, const std::string& unit_name);

// Every tensor is produced before it is read, at most once; shapes follow the rules; weights have the right
// size; every output exists. A tensor that nobody produces or reads may stay behind (passes leave such). With
// an empty `file` the network is one of our own and damage is an InternalError; else it was read from `file`
// and damage is an Error.
void check(const Network& network, const std::string& file = "");

// Why no tensor can have this shape; empty when one can.
std::string trouble_of(const Shape& shape);

// The product of non-negative factors that may come from a file: INT64_MAX instead of an overflow.
int64_t saturating_product(std::initializer_list<int64_t> factors);

// Axes, tensors and windows beyond these are refused everywhere, so that no product of them overflows.
inline constexpr int64_t max_axis = int64_t{1} << 31;
inline constexpr int64_t max_elements = int64_t{1} << 40;
inline constexpr int max_window = 1 << 16;

}  // namespace ane::aneir
