// Network -> the same network in the words of a net.plist.
//
// Each rule takes one unit and appends what replaces it; the chains for functions that the format lacks are
// those that Espresso's dumps and hand-written net.plists use (docs/ane-ir.md).
#include <algorithm>
#include <cmath>

#include "aneir/plist.h"
#include "base/error.h"
#include "base/half.h"

namespace ane::aneir {
namespace {

constexpr float log2_of_e = 1.44269504f, ln_of_2 = 0.69314718f;

struct NoForm {
  std::string reason;
};

// A 1x1 depthwise convolution that multiplies each channel.
Conv channel_scaling(const Constant& scales) {
  Conv conv;
  conv.output_channels = conv.groups = scales.count();
  conv.weights = scales;
  return conv;
}

// The kernel of `conv` with its dilation written as zeros.
Conv without_dilation(const Conv& conv) {
  constexpr int64_t most = int64_t{1} << 28;
  const int64_t width = int64_t{conv.dilation_x} * (conv.kernel_width - 1) + 1;
  const int64_t height = int64_t{conv.dilation_y} * (conv.kernel_height - 1) + 1;
  const int64_t kernels = conv.weights.count() / (int64_t{conv.kernel_width} * conv.kernel_height);
  if (width > max_window || height > max_window || saturating_product({kernels, width, height}) > most) {
    throw NoForm{"its dilated kernel is too large to write out"};
  }
  const std::vector<float> dense = conv.weights.floats();
  std::vector<float> spread(static_cast<size_t>(kernels * width * height), 0.0f);
  auto from = dense.begin();
  for (int64_t kernel = 0; kernel < kernels; ++kernel) {
    for (int64_t y = 0; y < conv.kernel_height; ++y) {
      for (int64_t x = 0; x < conv.kernel_width; ++x) {
        const int64_t at = (kernel * height + y * conv.dilation_y) * width + x * conv.dilation_x;
        spread[static_cast<size_t>(at)] = *from++;
      }
    }
  }
  Conv result = conv;
  result.kernel_width = static_cast<int>(width);
  result.kernel_height = static_cast<int>(height);
  result.dilation_x = result.dilation_y = 1;
  result.weights = Constant::of_floats(std::move(spread));
  return result;
}

bool has_scaled_form(ElementWiseOp op) {
  return op == ElementWiseOp::Add || op == ElementWiseOp::Mult || op == ElementWiseOp::Max ||
         op == ElementWiseOp::Min;
}

class Speller {
 public:
  explicit Speller(const Network& from) : from_(from), map_(from.tensors.size(), no_tensor) {}

  Network run() {
    to_.name = from_.name;
    for (TensorId input : from_.inputs) {
      const Tensor& tensor = from_.tensor(input);
      const TensorId copy = to_.add_tensor(tensor.name, tensor.shape, tensor.type);
      map_[static_cast<size_t>(input)] = copy;
      to_.inputs.push_back(copy);
    }
    for (const Unit& unit : from_.units) replace(unit);
    throw_problems();
    for (const Output& output : from_.outputs) to_.outputs.push_back({output.name, output_tensor(output)});
    check(to_);
    return std::move(to_);
  }

 private:
  TensorId mapped(TensorId tensor) const { return map_[static_cast<size_t>(tensor)]; }

  void replace(const Unit& unit) {
    unit_ = &unit;
    first_ = to_.units.size();
    const Tensor& result = from_.tensor(unit.top);
    try {
      bottoms_.clear();
      for (TensorId bottom : unit.bottoms) bottoms_.push_back(mapped(bottom));
      const TensorId top = std::visit([&](const auto& params) { return spell(params); }, unit.params);
      to_.units.back().name = unit.name;
      to_.tensor(top).name = result.name;
      map_[static_cast<size_t>(unit.top)] = top;
    } catch (const NoForm& none) {
      problems_.push_back("unit '" + unit.name + "' (" + type_name(unit) + "): " + none.reason);
      to_.units.resize(first_);
      map_[static_cast<size_t>(unit.top)] = to_.add_tensor(result.name, result.shape);
    }
  }

  // Every unit gets a provisional name; the last of a replacement gets the final one from replace().
  TensorId emit(Params params, std::vector<TensorId> bottoms) {
    const std::string name = unit_->name + "_tmp_" + std::to_string(to_.units.size() - first_);
    return to_.add_unit(name, std::move(params), std::move(bottoms), unit_->layer, name);
  }
  TensorId emit(NeuronType type, TensorId x, float alpha = 0, float beta = 0) {
    return emit(Neuron{type, alpha, beta, 1}, {x});
  }
  TensorId emit(ElementWiseOp op, TensorId a, TensorId b) { return emit(ElementWise{op, 1, false}, {a, b}); }

  // ---- scale * x + offset, written as scale * (x + offset / scale) ----

  TensorId linear(TensorId x, float scale, float offset) {
    const bool divides = round_to_half(scale) != 0 && std::isfinite(round_to_half(offset / scale));
    if (offset == 0 || divides) return emit(Goc{scale, offset, {}, {}}, {x});
    return emit(Goc{1, offset, {}, {}}, {emit(Goc{scale, 0, {}, {}}, {x})});
  }

  TensorId spell(const Goc& goc) {
    const TensorId x = bottoms_[0];
    if (!goc.channel_scale && !goc.channel_offset) return linear(x, goc.scale, goc.offset);
    const bool scales = goc.channel_scale || goc.scale != 1;
    const bool offsets = goc.channel_offset || goc.offset != 0;
    TensorId result = x;
    if (scales) {
      result = goc.channel_scale ? emit(channel_scaling(*goc.channel_scale), {x}) : linear(x, goc.scale, 0);
    }
    if (offsets) {
      result = goc.channel_offset ? emit(Goc{1, 0, {}, goc.channel_offset}, {result})
                                  : linear(result, 1, goc.offset);
    }
    return result;
  }

  // ---- Functions ----

  TensorId spell(const Neuron& neuron) { return function(neuron, bottoms_[0]); }

  TensorId function(const Neuron& f, TensorId raw) {
    const bool scaled_inside = f.type == NeuronType::Exp || f.type == NeuronType::HardSigmoid;
    const float scale = f.input_scale;
    const TensorId x = scale == 1 || scaled_inside ? raw : linear(raw, scale, 0);
    switch (f.type) {
      case NeuronType::Exp:
        return emit(NeuronType::Exp2, linear(raw, scale * log2_of_e, 0));
      case NeuronType::Log:
        return linear(emit(NeuronType::Log2, x), ln_of_2, 0);
      case NeuronType::HardSigmoid:
        return emit(NeuronType::ClampedReLU, linear(raw, scale * f.alpha, f.beta), 0, 1);
      case NeuronType::Rsqrt:
      case NeuronType::Inv:
        return emit(f.type, f.alpha == 0 ? x : linear(x, 1, f.alpha));
      case NeuronType::Silu:
        return emit(ElementWiseOp::Mult, x, emit(NeuronType::Sigmoid, x));
      case NeuronType::GeluBySigmoid:
        return emit(ElementWiseOp::Mult, x, emit(NeuronType::Sigmoid, linear(x, gelu_sigmoid_factor, 0)));
      case NeuronType::Softsign:
        return emit(ElementWiseOp::Mult, x, emit(NeuronType::Inv, linear(emit(NeuronType::Abs, x), 1, 1)));
      case NeuronType::Softplus:
        return softplus(x);
      case NeuronType::ThresholdedReLU:
        return thresholded(x, f.alpha);
      case NeuronType::Power:
        return power(x, f.alpha);
      case NeuronType::Erf:
        throw NoForm{"the format has no erf"};
      case NeuronType::LogicalNot:
        throw NoForm{"the format has no logical not"};
      case NeuronType::IsNegative:
        return emit(ElementWiseOp::LessThan, x, linear(x, 0, 0));
      case NeuronType::TanhFitted:
        return emit(NeuronType::Tanh, x);
      case NeuronType::CenteredPhi:
        throw NoForm{"the format has no erf"};
      default:
        return emit(f.type, x, f.alpha, f.beta);
    }
  }

  // max(x, 0) + ln(1 + e^-|x|), which does not overflow where ln(1 + e^x) would.
  TensorId softplus(TensorId x) {
    const TensorId decay = emit(NeuronType::Exp2, linear(emit(NeuronType::Abs, x), -log2_of_e, 0));
    const TensorId rest = linear(emit(NeuronType::Log2, linear(decay, 1, 1)), ln_of_2, 0);
    return emit(ElementWiseOp::Add, emit(NeuronType::ReLU, x), rest);
  }

  // x * (1 - (x < alpha)); the constant is x times 0, plus alpha.
  TensorId thresholded(TensorId x, float alpha) {
    const TensorId threshold = linear(x, 0, alpha);
    const TensorId below = emit(ElementWiseOp::LessThan, x, threshold);
    return emit(ElementWiseOp::Mult, x, linear(below, -1, 1));
  }

  TensorId power(TensorId x, float exponent) {
    if (exponent == 2) return emit(NeuronType::Square, x);
    if (exponent == 0.5f) return emit(NeuronType::Sqrt, x);
    if (exponent == -1) return emit(NeuronType::Inv, x);
    if (exponent == 1) return linear(x, 1, 0);
    throw NoForm{"the format has no power function with exponent " + std::to_string(exponent)};
  }

  // ---- The rest ----

  TensorId spell(const Conv& conv) {
    Conv plain = conv.dilation_x > 1 || conv.dilation_y > 1 ? without_dilation(conv) : conv;
    if (plain.transposed && !is_block_upsampling(plain)) {
      throw NoForm{"how the format writes a deconvolution is not known"};
    }
    plain.bias.reset();
    plain.activation.reset();
    TensorId result = emit(std::move(plain), bottoms_);
    if (conv.bias) result = emit(Goc{1, 0, {}, conv.bias}, {result});
    return conv.activation ? function(*conv.activation, result) : result;
  }

  TensorId broadcast(TensorId x, const Shape& shape) {
    if (to_.tensor(x).shape == shape) return x;
    const std::string name = to_.unused_tensor_name(to_.tensor(x).name + "_broadcasted_output");
    return to_.add_unit(name, Broadcast{shape}, {x}, unit_->layer, name);
  }

  TensorId spell(const ElementWise& unit) {
    const Shape& shape = from_.tensor(unit_->top).shape;
    const TensorId a = broadcast(bottoms_[0], shape), b = broadcast(bottoms_[1], shape);
    const bool scaled = has_scaled_form(unit.op);
    TensorId result = operation(unit.op, scaled ? unit.scale : 1, a, b);
    if (!scaled && unit.scale != 1) result = linear(result, unit.scale, 0);
    return unit.relu ? emit(NeuronType::ReLU, result) : result;
  }

  TensorId operation(ElementWiseOp op, float scale, TensorId a, TensorId b) {
    switch (op) {
      case ElementWiseOp::Div:
        return emit(ElementWiseOp::Mult, a, emit(NeuronType::Inv, b));
      case ElementWiseOp::SquaredDifference:
        return emit(NeuronType::Square, emit(ElementWiseOp::Sub, a, b));
      case ElementWiseOp::Power:
        throw NoForm{"the format has no power of two tensors"};
      case ElementWiseOp::LessEqual:
        return linear(emit(ElementWiseOp::GreaterThan, a, b), -1, 1);
      case ElementWiseOp::GreaterEqual:
        return linear(emit(ElementWiseOp::LessThan, a, b), -1, 1);
      default:
        return emit(ElementWise{op, scale, false}, {a, b});
    }
  }

  TensorId spell(const Reduction& unit) {
    Reduction plain{unit.type, unit.axes, {}};
    std::vector<TensorId> from = bottoms_;
    if (unit.type == ReductionType::MeanSquare) {
      from = {emit(Neuron{NeuronType::Square}, bottoms_)};
      plain.type = ReductionType::Mean;
    }
    const TensorId result = emit(plain, from);
    return unit.activation ? function(*unit.activation, result) : result;
  }

  TensorId spell(const Broadcast& unit) {
    const TensorId result = emit(Broadcast{unit.shape}, bottoms_);
    return unit.relu ? emit(NeuronType::ReLU, result) : result;
  }

  TensorId spell(const Concat& unit) {
    if (unit.interleave) throw NoForm{"the format joins whole tensors only"};
    return emit(unit, bottoms_);
  }

  TensorId spell(const MatMul&) { throw NoForm{"how the format writes the operands' roles is not known"}; }
  TensorId spell(const Normalize&) { throw NoForm{"the format's keys for it are not known"}; }
  TensorId spell(const Select&) { throw NoForm{"the format's keys for it are not known"}; }
  TensorId spell(const Cast&) { throw NoForm{"the format's keys for it are not known"}; }

  template <typename Plain>
  TensorId spell(const Plain& unit) {
    return emit(unit, bottoms_);
  }

  // A net.plist's outputs are units.
  TensorId output_tensor(const Output& output) {
    const TensorId tensor = mapped(output.tensor);
    if (std::count(to_.inputs.begin(), to_.inputs.end(), tensor) == 0) return tensor;
    return to_.add_unit(output.name, Reshape{to_.tensor(tensor).shape}, {tensor}, "");
  }

  void throw_problems() const {
    if (problems_.empty()) return;
    std::string text;
    for (const std::string& problem : problems_) text += (text.empty() ? "" : "; ") + problem;
    throw Error("net.plist", "", std::to_string(problems_.size()) + " unit(s) have no form in it: " + text,
                "write the network after the passes");
  }

  const Network& from_;
  Network to_;
  std::vector<TensorId> map_;  // tensors of from_ -> of to_
  std::vector<std::string> problems_;
  // The unit being replaced, where its replacement begins, and its operands.
  const Unit* unit_ = nullptr;
  size_t first_ = 0;
  std::vector<TensorId> bottoms_;
};

}  // namespace

bool is_block_upsampling(const Conv& conv) {
  if (!conv.transposed || conv.groups != conv.output_channels ||
      conv.groups != conv.weights.count() / (conv.kernel_width * conv.kernel_height)) {
    return false;
  }
  const bool unpadded =
      conv.pad_left == 0 && conv.pad_right == 0 && conv.pad_top == 0 && conv.pad_bottom == 0;
  const bool blocks = conv.kernel_width == conv.stride_x && conv.kernel_height == conv.stride_y;
  const std::vector<float> weights = conv.weights.floats();
  return unpadded && blocks && std::all_of(weights.begin(), weights.end(), [](float w) { return w == 1; });
}

Network spell_out(const Network& network) {
  return Speller(network).run();
}

}  // namespace ane::aneir
