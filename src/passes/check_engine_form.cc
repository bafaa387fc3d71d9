// The last pass: everything below relies on the engine form of passes.h and asks no more questions, so what
// the passes before could not bring into it is refused here, all at once. One line names each layer (as the
// source model calls it), the unit it has become, and the reason.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::all_axes;
using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Reduction;
using aneir::ReductionType;
using std::to_string;

// What each rule sees. A rule returns why the unit is not in engine form; an empty string when it is.
struct Context {
  const Network& network;
  const Unit& unit;
  const EngineFacts& facts;

  const Shape& from() const { return network.tensor(unit.bottoms[0]).shape; }
  const Shape& to() const { return network.tensor(unit.top).shape; }
};

constexpr const char* no_form = "no public program shows how this engine does it";

std::string beyond(const std::string& what, int64_t value, int64_t limit) {
  return value <= limit ? "" : what + " " + to_string(value) + " exceeds " + to_string(limit);
}

std::string first_of(std::initializer_list<std::string> reasons) {
  for (const std::string& reason : reasons)
    if (!reason.empty()) return reason;
  return "";
}

std::string trouble_of(const Neuron& neuron, const EngineFacts& facts) {
  if (neuron.type == NeuronType::ReLU || facts.has_table(neuron)) return "";
  return std::string(name_of(neuron.type)) + " has no lookup table";
}

std::string trouble_of(const Conv& conv, const Context& context) {
  const EngineFacts& facts = context.facts;
  if (conv.transposed) return std::string("transposed convolution: ") + no_form;
  if (conv.dilation_x != 1 || conv.dilation_y != 1) return "dilation remains";
  if (conv.stride_x != conv.stride_y) return "strides differ";
  if (conv.activation && !can_be_fused(*conv.activation, facts))
    return std::string("activation ") + name_of(conv.activation->type) + " cannot follow in the same pass";
  return first_of({beyond("stride", conv.stride_x, facts.max_stride),
                   beyond("kernel width", conv.kernel_width, facts.max_kernel_width),
                   beyond("kernel height", conv.kernel_height, facts.max_kernel_height),
                   beyond("left padding", conv.pad_left, facts.max_padding),
                   beyond("top padding", conv.pad_top, facts.max_padding)});
}

std::string trouble_of(const Neuron& neuron, const Context& context) {
  if (neuron.type == NeuronType::Abs)
    return neuron.input_scale == 1 ? "" : "a scale before the absolute value";
  return trouble_of(neuron, context.facts);
}

std::string trouble_of(const aneir::Goc& goc, const Context& context) {
  const bool per_channel = goc.channel_scale || goc.channel_offset;
  const bool simple = !per_channel && (goc.scale == 1 || goc.offset == 0);
  const bool whole = context.facts.composites && per_channel && goc.scale == 1 && goc.offset == 0;
  return simple || whole ? "" : "scale and offset together, or one per channel";
}

std::string trouble_of(const ElementWise& elementwise, const Context& context) {
  switch (elementwise.op) {
    case ElementWiseOp::Add:
    case ElementWiseOp::Sub:
    case ElementWiseOp::Mult:
    case ElementWiseOp::Max:
    case ElementWiseOp::Min:
      return "";
    case ElementWiseOp::Power:
    case ElementWiseOp::SquaredDifference:
      return std::string(name_of(elementwise.op)) + " remains";
    default:
      if (context.facts.composites) return "";
      return std::string(name_of(elementwise.op)) + ": " + no_form;
  }
}

std::string trouble_of_axis(Axis axis) {
  const bool addressable = axis == Axis::Batch || axis == Axis::Channel || axis == Axis::Height;
  return addressable ? "" : std::string("slices and joins along ") + name_of(axis) + " are not supported";
}
std::string trouble_of(const aneir::Concat& concat, const Context&) {
  return trouble_of_axis(concat.axis);
}
std::string trouble_of(const aneir::InputView& view, const Context&) {
  if (view.axis == Axis::Width && view.offset == 0 && view.step == 1) return "";
  return trouble_of_axis(view.axis);
}

std::string trouble_of(const aneir::Reshape&, const Context& context) {
  if (context.from().w == context.to().w) return "";
  return "changes the width of rows, from " + context.from().text() + " to " + context.to().text();
}

std::string trouble_of(const aneir::Transpose& transpose, const Context&) {
  const auto stays = [&](Axis axis) { return transpose.source[static_cast<size_t>(axis)] == axis; };
  return stays(Axis::Batch) && stays(Axis::Depth) ? "" : "moves the batch";
}

// Axes of each image, in the order of the format.
bool are_of_image(const std::vector<Axis>& axes) {
  return std::is_sorted(axes.begin(), axes.end()) && axes[0] >= Axis::Channel;
}

bool is_whole(const Reduction& reduction) {
  const bool kind = reduction.type == ReductionType::Sum || reduction.type == ReductionType::Mean ||
                    reduction.type == ReductionType::Max;
  return kind && !reduction.activation && are_of_image(reduction.axes);
}

std::string trouble_of(const Reduction& reduction, const Context& context) {
  using List = std::vector<Axis>;
  if (context.facts.composites && is_whole(reduction)) return "";
  const bool channels = reduction.axes == List{Axis::Channel};
  const bool planes =
      reduction.axes == List{Axis::Height, Axis::Width} || reduction.axes == List{Axis::Width};
  if (!channels && !planes) return "reduces over the batch";
  const bool possible = reduction.type == ReductionType::Sum || reduction.type == ReductionType::Max ||
                        (planes && reduction.type == ReductionType::Mean) || is_deviation(reduction);
  if (!possible) return "this kind of reduction remains";
  if (!reduction.activation || is_deviation(reduction)) return "";
  const bool fused =
      channels && reduction.type == ReductionType::Sum && can_be_fused(*reduction.activation, context.facts);
  return fused ? "" : "its activation cannot follow in the same pass";
}

std::string trouble_of(const aneir::Pooling&, const Context& context) {
  return context.facts.native_pooling ? "" : "its windows or padding are too large";
}
std::string trouble_of(const aneir::Broadcast&, const Context& context) {
  if (context.facts.composites) return "";
  return "too large to be repeated in memory";
}
std::string trouble_of(const aneir::Softmax& softmax, const Context& context) {
  if (context.facts.composites && are_of_image({softmax.axis})) return "";
  return "along an axis that is not C, H or W";
}
std::string trouble_of(const aneir::MatMul&, const Context& context) {
  return context.facts.composites || context.facts.matrix_products ? "" : no_form;
}
std::string trouble_of(const aneir::Normalize& normalize, const Context& context) {
  if (!context.facts.composites) return no_form;
  return are_of_image(normalize.axes) ? "" : "normalises over the batch";
}
std::string trouble_of(const aneir::Select&, const Context& context) {
  return context.facts.composites ? "" : no_form;
}
std::string trouble_of(const aneir::Cast&, const Context& context) {
  return context.facts.composites ? "" : no_form;
}
std::string trouble_of(const aneir::ConstantTensor&, const Context&) {
  return "";
}

std::string trouble_of_size(const Shape& shape, const EngineFacts& facts) {
  const std::string reason =
      first_of({beyond("width", shape.w, facts.max_width), beyond("height", shape.h, facts.max_height),
                beyond("channel count", shape.c, facts.max_channels)});
  return reason.empty() ? "" : reason + " (tensor of " + shape.text() + ")";
}

std::string trouble_of(const Context& context) {
  const std::string form =
      std::visit([&](const auto& params) { return trouble_of(params, context); }, context.unit.params);
  if (!form.empty()) return form;
  if (context.unit.as<aneir::Reshape>()) return "";  // moves nothing, so no task counts its rows
  for (const TensorId bottom : context.unit.bottoms) {
    const std::string size = trouble_of_size(context.network.tensor(bottom).shape, context.facts);
    if (!size.empty()) return size;
  }
  return trouble_of_size(context.to(), context.facts);
}

// "LAYER (TYPE): reason"
std::string complaint(const Unit& unit, const std::string& reason) {
  return (unit.layer.empty() ? unit.name : unit.layer) + " (" + type_name(unit) + "): " + reason;
}

void refuse(const std::vector<std::string>& complaints) {
  if (complaints.empty()) return;
  std::string all;
  for (const std::string& each : complaints) all += (all.empty() ? "" : "; ") + each;
  throw Error(
      "", complaints.size() == 1 ? "unsupported layer" : to_string(complaints.size()) + " unsupported layers",
      all);
}

// A layer that became many units is named once for each reason.
void add(std::vector<std::string>& complaints, std::set<std::string>& known, const std::string& complaint) {
  if (known.insert(complaint).second) complaints.push_back(complaint);
}

}  // namespace

void check_engine_form(const Network& network, const EngineFacts& facts) {
  std::vector<std::string> complaints;
  std::set<std::string> known;
  for (const TensorId input : network.inputs) {
    const std::string size = trouble_of_size(network.tensor(input).shape, facts);
    if (!size.empty()) add(complaints, known, network.tensor(input).name + " (input): " + size);
  }
  for (const Unit& unit : network.units) {
    const std::string reason = trouble_of(Context{network, unit, facts});
    if (!reason.empty()) add(complaints, known, complaint(unit, reason));
  }
  refuse(complaints);
}

void check_depth(const Network& network) {
  std::vector<std::string> complaints;
  std::set<std::string> known;
  for (const TensorId input : network.inputs)
    if (network.tensor(input).shape.d != 1)
      add(complaints, known, network.tensor(input).name + " (input): has depth (a fifth axis longer than 1)");
  for (const Unit& unit : network.units)
    if (network.tensor(unit.top).shape.d != 1)
      add(complaints, known, complaint(unit, "its result has depth (a fifth axis longer than 1)"));
  refuse(complaints);
}

}  // namespace ane::passes
