// Layers that compute on values where they stand: activations, elementwise arithmetic, normalisation,
// reductions, softmax. Codes of the file format -> functions of the ANE network; a function that the ANE
// network does not have is spelled out in units that it has. docs/espresso.md says how each code is known.
#include <cmath>
#include <limits>
#include <map>

#include "import/element_functions.h"
#include "import/layer.h"
#include "import/selection.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Constant;
using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Goc;
using aneir::Neuron;
using aneir::NeuronType;
using aneir::Reduction;
using aneir::ReductionType;
using aneir::TensorId;

constexpr float infinity = std::numeric_limits<float>::infinity();

TensorId neuron(LayerImport& at, TensorId x, NeuronType type, float alpha = 0, float beta = 0,
                float scale = 1) {
  return at.add(Neuron{type, alpha, beta, scale}, {x});
}

TensorId linear(LayerImport& at, TensorId x, float scale, float offset) {
  return at.add(Goc{scale, offset, {}, {}}, {x});
}

TensorId binary(LayerImport& at, ElementWiseOp op, TensorId a, TensorId b) {
  return at.add(ElementWise{op, 1, false}, {a, b});
}

// x >= 0 ? x : slope_c * x with a slope per channel: the positive part plus the scaled negative part.
TensorId per_channel_leaky_relu(LayerImport& at, TensorId x, const Constant& slopes) {
  const TensorId positive = neuron(at, x, NeuronType::ReLU);
  const TensorId negative = neuron(at, x, NeuronType::ClampedReLU, -infinity, 0);
  Goc scaled;
  scaled.channel_scale = slopes;
  return binary(at, ElementWiseOp::Add, positive, at.add(scaled, {negative}));
}

// Mode 2. PReLU keeps its slopes in a blob, of which it has exactly one, whatever its role is called.
TensorId leaky_relu(LayerImport& at, TensorId x, float alpha) {
  std::vector<int64_t> blobs = at.layer.blob_ids(at.net.file);
  if (blobs.empty()) return neuron(at, x, NeuronType::LeakyReLU, alpha);
  at.require(blobs.size() == 1, "a PReLU with " + std::to_string(blobs.size()) + " arrays");
  const size_t bytes = at.net.blob(blobs[0], at.layer.name).bytes.size();
  const int64_t channels = at.shape(x).c;
  if (bytes != sizeof(float)) return per_channel_leaky_relu(at, x, at.floats(blobs[0], channels));
  return neuron(at, x, NeuronType::LeakyReLU, at.floats(blobs[0], 1).floats()[0]);
}

// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), with the factor x taken out of the sum.
TensorId gelu_by_tanh(LayerImport& at, TensorId x) {
  const float factor = std::sqrt(2 / std::acos(-1.0f));
  const TensorId squared = neuron(at, x, NeuronType::Square);
  const TensorId weighted = linear(at, squared, 0.044715f * factor, factor);
  const TensorId gate = neuron(at, binary(at, ElementWiseOp::Mult, x, weighted), NeuronType::Tanh);
  return binary(at, ElementWiseOp::Mult, x, linear(at, gate, 0.5f, 0.5f));
}

TensorId gated(LayerImport& at, TensorId x, TensorId gate) {
  return binary(at, ElementWiseOp::Mult, x, gate);
}

using Function = TensorId (*)(LayerImport&, TensorId x, float alpha, float beta);

// By activation.mode.
const std::map<int64_t, Function> activations = {
    {0, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::ReLU); }},
    {1, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Tanh); }},
    {2, [](LayerImport& at, TensorId x, float a, float) { return leaky_relu(at, x, a); }},
    {3, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Sigmoid); }},
    {5, [](LayerImport& at, TensorId x, float a,
           float b) { return linear(at, neuron(at, x, NeuronType::Tanh, 0, 0, b), a, 0); }},
    {6, [](LayerImport& at, TensorId x, float a, float b) { return linear(at, x, a, b); }},
    {7, [](LayerImport& at, TensorId x, float a,
           float b) { return neuron(at, x, NeuronType::HardSigmoid, a, b); }},
    {8, [](LayerImport& at, TensorId x, float a, float) { return neuron(at, x, NeuronType::Elu, a); }},
    {9, [](LayerImport& at, TensorId x, float a,
           float) { return neuron(at, x, NeuronType::ThresholdedReLU, a); }},
    {10, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Softplus); }},
    {12, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Softsign); }},
    {13, [](LayerImport& at, TensorId x, float a,
            float) { return neuron(at, x, NeuronType::ClampedReLU, a, infinity); }},
    {16, [](LayerImport& at, TensorId x, float,
            float) { return linear(at, neuron(at, x, NeuronType::Elu, 1.6732632f), 1.0507010f, 0); }},
    {19, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Gelu); }},
    {20, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Erf); }},
    {21, [](LayerImport& at, TensorId x, float, float) { return gelu_by_tanh(at, x); }},
    {22, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::GeluBySigmoid); }},
    {24, [](LayerImport& at, TensorId x, float a,
            float) { return neuron(at, x, NeuronType::ClampedReLU, -infinity, a); }},
    {25, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Silu); }},
    {26, [](LayerImport& at, TensorId x, float,
            float) { return gated(at, x, neuron(at, x, NeuronType::HardSigmoid, 1.0f / 6, 0.5f)); }},
};

// By elementwise.operation, with one bottom.
const std::map<int64_t, Function> unary_operations = {
    {2, [](LayerImport& at, TensorId x, float a, float) { return linear(at, x, 1, a); }},
    {3, [](LayerImport& at, TensorId x, float a, float) { return linear(at, x, a, 0); }},
    {8, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Square); }},
    {10, [](LayerImport& at, TensorId x, float,
            float) { return neuron(at, x, NeuronType::Inv, at.number("eps", 0)); }},
    {11, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Sqrt); }},
    {12, [](LayerImport& at, TensorId x, float,
            float) { return neuron(at, x, NeuronType::Rsqrt, at.number("eps", 0)); }},
    {13, [](LayerImport& at, TensorId x, float a, float) { return neuron(at, x, NeuronType::Power, a); }},
    {24, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Abs); }},
    {25, [](LayerImport& at, TensorId x, float a,
            float) { return neuron(at, x, NeuronType::ClampedReLU, a, infinity); }},
    {26, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Log); }},
    {27, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Exp); }},
    {35, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Exp2); }},
    {37, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::RoundNearest); }},
    {38, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Sign); }},
    {112, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::LogicalNot); }},
    {117, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Floor); }},
    {118, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Ceil); }},
    {119, [](LayerImport& at, TensorId x, float a,
             float b) { return neuron(at, x, NeuronType::ClampedReLU, a, b); }},
    {124, [](LayerImport& at, TensorId x, float, float) { return neuron(at, x, NeuronType::Tanh); }},
};

// By elementwise.operation: those that are no single unit, with the names of element_function.
const std::map<int64_t, const char*> composed_operations = {
    {114, "cos"},  {115, "sin"},  {121, "tan"},   {122, "cosh"},  {123, "sinh"},  {125, "acos"},
    {126, "asin"}, {127, "atan"}, {128, "acosh"}, {129, "asinh"}, {130, "atanh"},
};

// By elementwise.operation, with two bottoms (or more, for those that may be chained).
const std::map<int64_t, ElementWiseOp> binary_operations = {
    {0, ElementWiseOp::Add},           {1, ElementWiseOp::Mult},       {13, ElementWiseOp::Power},
    {22, ElementWiseOp::Min},          {23, ElementWiseOp::Max},       {33, ElementWiseOp::Sub},
    {100, ElementWiseOp::Equal},       {102, ElementWiseOp::Div},      {103, ElementWiseOp::LessThan},
    {105, ElementWiseOp::GreaterThan}, {107, ElementWiseOp::NotEqual},
};

// The comparisons whose negation the ANE network has: 1 - (a > b) is a <= b.
const std::map<int64_t, ElementWiseOp> negated_operations = {
    {104, ElementWiseOp::GreaterThan},
    {106, ElementWiseOp::LessThan},
};

// Comparisons with alpha.
const std::map<int64_t, ElementWiseOp> alpha_comparisons = {
    {131, ElementWiseOp::LessThan},     {132, ElementWiseOp::LessEqual}, {133, ElementWiseOp::GreaterThan},
    {134, ElementWiseOp::GreaterEqual}, {135, ElementWiseOp::NotEqual},  {136, ElementWiseOp::Equal},
};

TensorId compare_with_alpha(LayerImport& at, ElementWiseOp op) {
  Constant alpha = Constant::of_floats({at.number("alpha", 1)});
  return binary(at, op, at.input(), at.add(aneir::ConstantTensor{{}, std::move(alpha)}, {}));
}

// Operation 101. Operands that are shorter than the result are spread.
TensorId select(LayerImport& at) {
  at.require(at.inputs.size() == 3, "reads " + std::to_string(at.inputs.size()) + " tensors");
  const aneir::Shape shape = engine_shape(at.declared_top());
  std::vector<TensorId> operands = at.inputs;
  for (TensorId& operand : operands)
    if (at.shape(operand) != shape) operand = at.add(aneir::Broadcast{shape, false}, {operand});
  return at.add(aneir::Select{}, operands);
}

// Operations 36 and 1021.
TensorId rounded_division(LayerImport& at, bool remainder) {
  at.require(at.inputs.size() == 2, "reads " + std::to_string(at.inputs.size()) + " tensors");
  const auto divide = remainder ? floored_remainder : floored_quotient;
  return divide(at.adder(), at.inputs[0], at.inputs[1]);
}

bool may_be_chained(ElementWiseOp op) {
  return op == ElementWiseOp::Add || op == ElementWiseOp::Mult || op == ElementWiseOp::Max ||
         op == ElementWiseOp::Min;
}

TensorId chained(LayerImport& at, ElementWiseOp op, bool relu) {
  at.require(at.inputs.size() == 2 || may_be_chained(op),
             "reads " + std::to_string(at.inputs.size()) + " tensors");
  TensorId result = at.inputs[0];
  for (size_t i = 1; i < at.inputs.size(); ++i) {
    const bool last = i + 1 == at.inputs.size();
    result = at.add(ElementWise{op, 1, relu && last}, {result, at.inputs[i]});
  }
  return result;
}

TensorId unary_elementwise(LayerImport& at, int64_t operation, bool relu) {
  TensorId result = aneir::no_tensor;
  if (const auto composed = composed_operations.find(operation); composed != composed_operations.end()) {
    result = element_function(composed->second, at.adder(), at.input());
  } else {
    const auto found = unary_operations.find(operation);
    at.require(found != unary_operations.end(), "operation " + std::to_string(operation) + " on one tensor");
    result = found->second(at, at.input(), at.number("alpha", 1), at.number("beta", 0));
  }
  return relu ? neuron(at, result, NeuronType::ReLU) : result;
}

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, as one scale and offset per channel.
Goc folded_batchnorm(const Constant& params, int64_t channels, float epsilon) {
  const std::vector<float> values = params.floats();
  std::vector<float> scales, offsets;
  for (int64_t c = 0; c < channels; ++c) {
    const float* of_channel = values.data() + 4 * c;
    const double scale = of_channel[0] / std::sqrt(double{of_channel[3]} + epsilon);
    scales.push_back(static_cast<float>(scale));
    offsets.push_back(static_cast<float>(of_channel[1] - of_channel[2] * scale));
  }
  return {1, 0, Constant::of_floats(std::move(scales)), Constant::of_floats(std::move(offsets))};
}

// Statistics of each image's channels, computed from the data.
TensorId instance_norm(LayerImport& at, const Constant& params, int64_t channels, float epsilon) {
  const auto mean = [&](TensorId x) {
    return at.add(Reduction{ReductionType::Mean, {Axis::Height, Axis::Width}, {}}, {x});
  };
  const TensorId centred = binary(at, ElementWiseOp::Sub, at.input(), mean(at.input()));
  // One reduction, so that the squares need not fit fp16.
  const Reduction deviation{
      ReductionType::MeanSquare, {Axis::Height, Axis::Width}, Neuron{NeuronType::Rsqrt, epsilon, 0, 1}};
  const TensorId inverse = at.add(deviation, {centred});
  const TensorId normal = binary(at, ElementWiseOp::Mult, centred, inverse);
  const std::vector<float> values = params.floats();
  std::vector<float> gammas, betas;
  for (int64_t c = 0; c < channels; ++c) {
    gammas.push_back(values[static_cast<size_t>(4 * c)]);
    betas.push_back(values[static_cast<size_t>(4 * c + 1)]);
  }
  return at.add(Goc{1, 0, Constant::of_floats(std::move(gammas)), Constant::of_floats(std::move(betas))},
                {normal});
}

// The axes that the shape file shows shrinking to 1. An axis that was 1 before needs no reduction.
std::vector<Axis> reduced_axes(const LayerImport& at) {
  const aneir::Shape before = at.shape(at.input());
  const aneir::Shape after = engine_shape(at.declared_top());
  std::vector<Axis> axes;
  for (Axis axis : aneir::all_axes) {
    if (before[axis] == after[axis]) continue;
    at.require(after[axis] == 1, "reduction of " + before.text() + " to " + after.text());
    axes.push_back(axis);
  }
  return axes;
}

struct ReduceForm {
  std::optional<NeuronType> before;
  ReductionType type;
  std::optional<NeuronType> after;
};

// By reduce.mode.
const std::map<int64_t, ReduceForm> reductions = {
    {0, {{}, ReductionType::Sum, {}}},
    {1, {{}, ReductionType::Mean, {}}},
    {3, {NeuronType::Log, ReductionType::Sum, {}}},
    {4, {NeuronType::Square, ReductionType::Sum, {}}},
    {5, {NeuronType::Square, ReductionType::Sum, NeuronType::Sqrt}},
    {8, {NeuronType::Abs, ReductionType::Sum, {}}},
    {9, {{}, ReductionType::Max, {}}},
    {10, {{}, ReductionType::Min, {}}},
};

// Mode 2: halves of the axis times each other, until one element is left.
TensorId product_along(LayerImport& at) {
  TensorId x = at.input();
  for (const Axis axis : reduced_axes(at))
    for (int64_t length = at.shape(x)[axis]; length > 1; length = at.shape(x)[axis]) {
      const int64_t half = length / 2;
      const auto part = [&](int64_t offset, int64_t size) {
        return at.add(aneir::InputView{axis, offset, size, 1}, {x});
      };
      const TensorId product = binary(at, ElementWiseOp::Mult, part(0, half), part(half, half));
      x = length % 2 == 0 ? product : at.add(aneir::Concat{axis}, {product, part(length - 1, 1)});
    }
  return x;
}

// Modes 11 and 12.
TensorId index_along(LayerImport& at, bool of_largest) {
  const std::vector<Axis> axes = reduced_axes(at);
  if (axes.empty()) return linear(at, at.input(), 0, 0);
  at.require(axes.size() == 1, "an index into several axes");
  const AddUnit add = at.adder();
  return of_largest ? index_of_largest(at.network, add, at.input(), axes[0])
                    : index_of_smallest(at.network, add, at.input(), axes[0]);
}

}  // namespace

Tops import_activation(LayerImport& at) {
  const int64_t mode = at.layer.integer("mode", at.net.file);
  const auto found = activations.find(mode);
  at.require(found != activations.end(), "activation mode " + std::to_string(mode));
  return {found->second(at, at.input(), at.number("alpha", 1), at.number("beta", 0))};
}

Tops import_elementwise(LayerImport& at) {
  const int64_t operation = at.layer.integer("operation", at.net.file);
  const bool relu = at.flag("fused_relu");
  if (const auto found = alpha_comparisons.find(operation); found != alpha_comparisons.end())
    return {compare_with_alpha(at, found->second)};
  if (operation == 101) return {select(at)};
  if (operation == 36 || operation == 1021) return {rounded_division(at, operation == 36)};
  if (at.inputs.size() < 2) return {unary_elementwise(at, operation, relu)};
  if (const auto found = negated_operations.find(operation); found != negated_operations.end()) {
    return {linear(at, chained(at, found->second, false), -1, 1)};
  }
  const auto found = binary_operations.find(operation);
  at.require(found != binary_operations.end(),
             "operation " + std::to_string(operation) + " on several tensors");
  at.require(at.number("alpha", 1) == 1 && at.number("beta", 0) == 0, "alpha or beta on several tensors");
  return {chained(at, found->second, relu)};
}

Tops import_batchnorm(LayerImport& at) {
  const int64_t channels = at.shape(at.input()).c;
  at.require(at.integer("C", channels) == channels, "C differs from the input's channels");
  at.require(channels <= INT64_MAX / 4, "too many channels");
  const Constant params = at.floats("blob_batchnorm_params", 4 * channels);
  const float epsilon = at.number("training_eps", 1e-5f);
  if (!at.flag("training")) return {at.add(folded_batchnorm(params, channels, epsilon), {at.input()})};
  at.require(at.flag("training_instancenorm") || at.shape(at.input()).n == 1, "statistics over a batch");
  return {instance_norm(at, params, channels, epsilon)};
}

Tops import_reduce(LayerImport& at) {
  const int64_t mode = at.layer.integer("mode", at.net.file);
  if (mode == 2) return {product_along(at)};
  if (mode == 11 || mode == 12) return {index_along(at, mode == 11)};
  const auto found = reductions.find(mode);
  at.require(found != reductions.end(), "reduce mode " + std::to_string(mode));
  const ReduceForm& form = found->second;
  TensorId result = at.input();
  if (form.before) result = neuron(at, result, *form.before);
  const std::vector<Axis> axes = reduced_axes(at);
  if (!axes.empty()) result = at.add(Reduction{form.type, axes, {}}, {result});
  if (form.after) result = neuron(at, result, *form.after);
  return {result};
}

Tops import_softmax(LayerImport& at) {
  const Axis axis = axis_of_code(at, at.integer("C", 2));
  return {at.add(aneir::Softmax{axis}, {at.input()})};
}

Tops import_softmax_nd(LayerImport& at) {
  const Axis axis = axis_of_index(at, at.layer.integer("nd_axis", at.net.file));
  return {at.add(aneir::Softmax{axis}, {at.input()})};
}

}  // namespace ane::import
