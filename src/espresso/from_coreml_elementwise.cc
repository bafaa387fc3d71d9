// Layers that work element by element: activations, functions of one variable, arithmetic of several blobs.
//
// Most are one `activation` or one `elementwise` layer whose mode or operation names the function. Which
// numbers are measured in compiled networks and which come from other people's descriptions is listed in
// docs/espresso.md. A parametric ReLU with one slope per channel is mode 2 with its slopes under `weights`;
// the name of that role, "alpha", is ours, since no compiled network with one is public.
#include <algorithm>
#include <optional>

#include "espresso/codes.h"
#include "espresso/translation.h"

namespace ane::espresso {

namespace {

using coreml::spec::ActivationParams;
using coreml::spec::UnaryFunctionLayerParams;
using coreml::spec::WeightParams;

enum ActivationMode : int64_t {
  kReLU = 0,
  kTanh = 1,
  kLeakyReLU = 2,
  kSigmoid = 3,
  kScaledTanh = 5,
  kHardSigmoid = 7,
  kElu = 8,
  kThresholdedReLU = 9,
  kSoftplus = 10,
  kSoftsign = 12,
  kGeluExact = 19,
  kErf = 20,
  kGeluTanh = 21,
  kGeluSigmoid = 22,
  kMinWithAlpha = 24,
};

// ---- Activations
// ---------------------------------------------------------------------------------------------------------

json mode(ActivationMode value) {
  return {{"mode", value}};
}
json mode(ActivationMode value, double alpha) {
  return {{"mode", value}, {"alpha", alpha}};
}

void add_activation(Translation& to, const SourceLayer& source, json attributes) {
  add_layer(to, source, "activation", std::move(attributes));
}

json hard_sigmoid(float alpha, float beta) {
  json attributes = linear(finite(alpha), finite(beta));
  attributes["mode"] = kHardSigmoid;
  return attributes;
}

// The values of a parameter array; one value when all are equal.
std::vector<float> parameter(const WeightParams& weights) {
  std::vector<float> values = coreml::decode_weights(weights, coreml::Shape{coreml::weight_count(weights)});
  if (std::all_of(values.begin(), values.end(), [&](float value) { return value == values[0]; }))
    values.resize(1);
  return values;
}

void translate_prelu(Translation& to, const SourceLayer& source, const WeightParams& slopes) {
  std::vector<float> alpha = parameter(slopes);
  if (alpha.size() == 1) return add_activation(to, source, mode(kLeakyReLU, finite(alpha[0])));
  json attributes = mode(kLeakyReLU);
  attributes["weights"] = {{"alpha", add_floats(to, std::move(alpha))}};
  add_activation(to, source, std::move(attributes));
}

// The layer that multiplies by `factor`, per channel or not.
std::pair<const char*, json> multiplication(Translation& to, const std::vector<float>& factor) {
  if (factor.size() == 1) return {"activation", linear(finite(factor[0]), 0)};
  return {"batchnorm", channel_affine(to, factor, std::vector<float>(factor.size(), 0.0f))};
}

// alpha * ln(1 + e^(beta x)) has no mode: a multiplication on either side of softplus.
void translate_parametric_softplus(Translation& to, const SourceLayer& source, const WeightParams& alpha,
                                   const WeightParams& beta) {
  const Shape shape = output_shape(to, source);
  auto [before, before_attributes] = multiplication(to, parameter(beta));
  const auto scaled =
      add_step(to, source, "beta", before, std::move(before_attributes), {source.input(0)}, shape);
  const auto softplus = add_step(to, source, "softplus", "activation", mode(kSoftplus), {scaled}, shape);
  auto [after, after_attributes] = multiplication(to, parameter(alpha));
  add_layer(to, source, after, std::move(after_attributes), {softplus});
}

void translate_activation(Translation& to, const SourceLayer& source) {
  const ActivationParams& layer = source.activation();
  switch (layer.NonlinearityType_case()) {
    case ActivationParams::kLinear:
      return add_activation(to, source,
                            linear(finite(layer.linear().alpha()), finite(layer.linear().beta())));
    case ActivationParams::kReLU:
      return add_activation(to, source, mode(kReLU));
    case ActivationParams::kLeakyReLU:
      return add_activation(to, source, mode(kLeakyReLU, finite(layer.leakyrelu().alpha())));
    // Mode 9 is x > alpha, the Core ML layer x >= alpha: they differ at one single number.
    case ActivationParams::kThresholdedReLU:
      return add_activation(to, source, mode(kThresholdedReLU, finite(layer.thresholdedrelu().alpha())));
    case ActivationParams::kPReLU:
      return translate_prelu(to, source, layer.prelu().alpha());
    case ActivationParams::kTanh:
      return add_activation(to, source, mode(kTanh));
    case ActivationParams::kScaledTanh: {
      json attributes = mode(kScaledTanh, finite(layer.scaledtanh().alpha()));
      attributes["beta"] = finite(layer.scaledtanh().beta());
      return add_activation(to, source, std::move(attributes));
    }
    case ActivationParams::kSigmoid:
      return add_activation(to, source, mode(kSigmoid));
    case ActivationParams::kSigmoidHard:
      return add_activation(to, source,
                            hard_sigmoid(layer.sigmoidhard().alpha(), layer.sigmoidhard().beta()));
    case ActivationParams::kELU:
      return add_activation(to, source, mode(kElu, finite(layer.elu().alpha())));
    case ActivationParams::kSoftsign:
      return add_activation(to, source, mode(kSoftsign));
    case ActivationParams::kSoftplus:
      return add_activation(to, source, mode(kSoftplus));
    case ActivationParams::kParametricSoftplus:
      return translate_parametric_softplus(to, source, layer.parametricsoftplus().alpha(),
                                           layer.parametricsoftplus().beta());
    case ActivationParams::NONLINEARITYTYPE_NOT_SET:
      break;
  }
  throw Unsupported{"it names no function"};
}

json gelu(const coreml::spec::GeluLayerParams& layer) {
  switch (layer.mode()) {
    case coreml::spec::GeluLayerParams::TANH_APPROXIMATION:
      return mode(kGeluTanh);
    case coreml::spec::GeluLayerParams::SIGMOID_APPROXIMATION:
      return mode(kGeluSigmoid);
    default:
      return mode(kGeluExact);
  }
}

// x >= 0 ? min(beta, x) : min(beta, alpha * x)
void translate_clamped_relu(Translation& to, const SourceLayer& source) {
  const auto& layer = source.clampedrelu();
  const auto leaky = add_step(to, source, "leaky", "activation", mode(kLeakyReLU, finite(layer.alpha())),
                              {source.input(0)}, output_shape(to, source));
  add_layer(to, source, "activation", mode(kMinWithAlpha, finite(layer.beta())), {leaky});
}

// ---- Functions of one variable
// -------------------------------------------------------------------------------------------

void add_operation(Translation& to, const SourceLayer& source, Operation operation, double alpha = 1,
                   double beta = 0) {
  add_layer(to, source, "elementwise", elementwise(operation, alpha, beta));
}

json unary_operation(const UnaryFunctionLayerParams& layer) {
  const float epsilon = or_default(layer.epsilon(), 1e-6f);
  const auto with_epsilon = [&](Operation operation) {
    json attributes = elementwise(operation);
    attributes["eps"] = finite(epsilon);
    return attributes;
  };
  switch (layer.type()) {
    case UnaryFunctionLayerParams::SQRT:
      return elementwise(kSquareRoot);
    case UnaryFunctionLayerParams::RSQRT:
      return with_epsilon(kInverseSquareRoot);
    case UnaryFunctionLayerParams::INVERSE:
      // Apple's compiler leaves the default out of the net; next to 0 the result overflows a half either way.
      return epsilon == 1e-6f ? elementwise(kInverse) : with_epsilon(kInverse);
    case UnaryFunctionLayerParams::POWER:
      return elementwise(kPower, finite(layer.alpha()));
    case UnaryFunctionLayerParams::EXP:
      return elementwise(kExponential);
    case UnaryFunctionLayerParams::LOG:
      return elementwise(kLogarithm);
    case UnaryFunctionLayerParams::ABS:
      return elementwise(kAbsolute);
    case UnaryFunctionLayerParams::THRESHOLD:
      return elementwise(kMaxWithAlpha, finite(layer.alpha()));
    default:
      throw Unsupported{"an unknown function"};
  }
}

// The argument is scale * x + shift.
void translate_unary(Translation& to, const SourceLayer& source) {
  const UnaryFunctionLayerParams& layer = source.unary();
  const float scale = or_default(layer.scale(), 1), shift = layer.shift();
  std::string argument = source.input(0);
  if (scale != 1 || shift != 0)
    argument = add_step(to, source, "argument", "activation", linear(finite(scale), finite(shift)),
                        {argument}, output_shape(to, source));
  add_layer(to, source, "elementwise", unary_operation(layer), {argument});
}

std::optional<Operation> plain_function(const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kCeil:
      return kCeiling;
    case SourceLayer::kFloor:
      return kFloor;
    case SourceLayer::kSign:
      return kSign;
    case SourceLayer::kRound:
      return kRound;
    case SourceLayer::kExp2:
      return kExp2;
    case SourceLayer::kSin:
      return kSine;
    case SourceLayer::kCos:
      return kCosine;
    case SourceLayer::kTan:
      return kTangent;
    case SourceLayer::kAsin:
      return kArcSine;
    case SourceLayer::kAcos:
      return kArcCosine;
    case SourceLayer::kAtan:
      return kArcTangent;
    case SourceLayer::kSinh:
      return kHyperbolicSine;
    case SourceLayer::kCosh:
      return kHyperbolicCosine;
    case SourceLayer::kTanh:
      return kHyperbolicTangent;
    case SourceLayer::kAsinh:
      return kAreaSine;
    case SourceLayer::kAcosh:
      return kAreaCosine;
    case SourceLayer::kAtanh:
      return kAreaTangent;
    default:
      return std::nullopt;
  }
}

// ---- Several blobs
// -------------------------------------------------------------------------------------------------------

std::optional<Operation> broadcasting_operation(const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kAddBroadcastable:
      return kAdd;
    case SourceLayer::kMultiplyBroadcastable:
      return kMultiply;
    case SourceLayer::kSubtractBroadcastable:
      return kSubtract;
    case SourceLayer::kDivideBroadcastable:
      return kDivide;
    case SourceLayer::kFloorDivBroadcastable:
      return kFloorDivide;
    case SourceLayer::kModBroadcastable:
      return kModulo;
    case SourceLayer::kPowBroadcastable:
      return kPower;
    case SourceLayer::kMinBroadcastable:
      return kMinimum;
    case SourceLayer::kMaxBroadcastable:
      return kMaximum;
    default:
      return std::nullopt;
  }
}

Shape broadcast(const Shape& a, Shape b) {
  Shape shape = a;
  for (const int64_t code : {kAxisW, kAxisH, kAxisK, kAxisN, kAxisSeq})
    dimension(shape, code) = std::max(dimension(shape, code), dimension(b, code));
  if (shape.rank && b.rank) shape.rank = std::max(*shape.rank, *b.rank);
  return shape;
}

struct Partial {
  std::string blob;
  Shape shape;
};

// An elementwise layer has two inputs: more make a chain, from the left. Combines all inputs but the last
// `kept`.
Partial combine(Translation& to, const SourceLayer& source, const json& attributes, int kept) {
  Partial partial{source.input(0), input_shape(to, source)};
  for (int i = 1; i < source.input_size() - kept; ++i) {
    partial.shape = broadcast(partial.shape, input_shape(to, source, i));
    partial.blob = add_step(to, source, "first" + std::to_string(i + 1), "elementwise", attributes,
                            {partial.blob, source.input(i)}, partial.shape);
  }
  return partial;
}

void translate_combination(Translation& to, const SourceLayer& source, Operation operation) {
  json attributes = elementwise(operation);
  if (to.model.exact_rank) attributes["nd_mode"] = true;
  if (source.input_size() == 1) return add_operation(to, source, kMultiplyAlpha, 1);
  const Partial partial = combine(to, source, attributes, 1);
  add_layer(to, source, "elementwise", attributes, {partial.blob, source.input(source.input_size() - 1)});
}

void translate_average(Translation& to, const SourceLayer& source) {
  const Partial sum = combine(to, source, elementwise(kAdd), 0);
  add_layer(to, source, "elementwise", elementwise(kMultiplyAlpha, 1.0 / source.input_size()), {sum.blob});
}

bool translate_arithmetic(Translation& to, const SourceLayer& source) {
  const bool single = source.input_size() == 1;
  switch (source.layer_case()) {
    case SourceLayer::kAdd:
      if (single)
        add_operation(to, source, kAddAlpha, finite(source.add().alpha()));
      else
        translate_combination(to, source, kAdd);
      return true;
    case SourceLayer::kMultiply:
      if (single)
        add_operation(to, source, kMultiplyAlpha, finite(source.multiply().alpha()));
      else
        translate_combination(to, source, kMultiply);
      return true;
    case SourceLayer::kAverage:
      return translate_average(to, source), true;
    case SourceLayer::kMax:
      return translate_combination(to, source, kMaximum), true;
    case SourceLayer::kMin:
      return translate_combination(to, source, kMinimum), true;
    default:
      return false;
  }
}

}  // namespace

bool translate_elementwise(Translation& to, const SourceLayer& source) {
  if (const auto operation = plain_function(source)) return add_operation(to, source, *operation), true;
  if (const auto operation = broadcasting_operation(source))
    return translate_combination(to, source, *operation), true;
  if (translate_arithmetic(to, source)) return true;
  switch (source.layer_case()) {
    case SourceLayer::kActivation:
      return translate_activation(to, source), true;
    case SourceLayer::kUnary:
      return translate_unary(to, source), true;
    case SourceLayer::kErf:
      return add_activation(to, source, mode(kErf)), true;
    case SourceLayer::kGelu:
      return add_activation(to, source, gelu(source.gelu())), true;
    case SourceLayer::kClampedReLU:
      return translate_clamped_relu(to, source), true;
    case SourceLayer::kClip:
      add_operation(to, source, kClamp, finite(source.clip().minval()), finite(source.clip().maxval()));
      return true;
    case SourceLayer::kCopy:
      return add_operation(to, source, kMultiplyAlpha, 1), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
