// The ANE network as a graph, after import and after each pass: the parameters that passes change are all
// shown, so that two graphs laid side by side tell what a pass did.
#include <fmt/format.h>

#include "report/dot.h"
#include "report/report.h"
#include "report/text.h"

namespace ane::report {

namespace {

using aneir::Axis;
using aneir::Unit;

using Lines = std::vector<std::string>;

std::string shape_text(const aneir::Shape& shape) {
  return dimensions({shape.n, shape.d, shape.c, shape.h, shape.w});
}

std::string tensor_text(const aneir::Tensor& tensor) {
  const bool half = tensor.type == aneir::ElementType::Float16;
  return shape_text(tensor.shape) + (half ? "" : fmt::format(" {}", name_of(tensor.type)));
}

const char* name_of(aneir::PoolingType type) {
  switch (type) {
    case aneir::PoolingType::Max:
      return "Max";
    case aneir::PoolingType::Average:
      return "Average";
    case aneir::PoolingType::L2:
      return "L2";
  }
  return "?";
}

const char* name_of(aneir::ReductionType type) {
  switch (type) {
    case aneir::ReductionType::Sum:
      return "Sum";
    case aneir::ReductionType::Mean:
      return "Mean";
    case aneir::ReductionType::Max:
      return "Max";
    case aneir::ReductionType::Min:
      return "Min";
    case aneir::ReductionType::MeanSquare:
      return "Mean of squares";
  }
  return "?";
}

std::string constant_text(const aneir::Constant& constant) {
  return fmt::format("{} of {}", constant.count(), name_of(constant.type));
}

std::string neuron_text(const aneir::Neuron& neuron) {
  std::string text = name_of(neuron.type);
  if (neuron.alpha != 0) text += fmt::format(", alpha {}", neuron.alpha);
  if (neuron.beta != 0) text += fmt::format(", beta {}", neuron.beta);
  if (neuron.input_scale != 1) text += fmt::format(", input scale {}", neuron.input_scale);
  return text;
}

// Kernel, stride and padding of a convolution or a pooling.
template <typename Window>
Lines window_lines(const Window& window) {
  Lines lines = {fmt::format("Kernel: {}×{} (h×w)", window.kernel_height, window.kernel_width),
                 fmt::format("Stride: {}×{}", window.stride_y, window.stride_x)};
  if (window.pad_left || window.pad_right || window.pad_top || window.pad_bottom)
    lines.push_back(fmt::format("Pad: left {}, right {}, top {}, bottom {}", window.pad_left,
                                window.pad_right, window.pad_top, window.pad_bottom));
  return lines;
}

Lines details(const aneir::Conv& conv) {
  Lines lines = window_lines(conv);
  if (conv.dilation_x != 1 || conv.dilation_y != 1)
    lines.push_back(fmt::format("Dilation: {}×{}", conv.dilation_y, conv.dilation_x));
  lines.push_back(fmt::format("Output channels: {}{}", conv.output_channels,
                              conv.groups == 1 ? "" : fmt::format(", groups: {}", conv.groups)));
  if (conv.transposed) lines.push_back("Transposed");
  lines.push_back("Weights: " + constant_text(conv.weights));
  if (conv.bias) lines.push_back("Bias: " + constant_text(*conv.bias));
  if (conv.activation) lines.push_back("Activation: " + neuron_text(*conv.activation));
  return lines;
}

Lines details(const aneir::Goc& goc) {
  const auto operand = [](const std::optional<aneir::Constant>& per_channel, float scalar) {
    return per_channel ? "per channel, " + constant_text(*per_channel) : fmt::format("{}", scalar);
  };
  return {"Scale: " + operand(goc.channel_scale, goc.scale),
          "Offset: " + operand(goc.channel_offset, goc.offset)};
}

Lines details(const aneir::Neuron& neuron) {
  return {"Function: " + neuron_text(neuron)};
}

Lines details(const aneir::ElementWise& elementwise) {
  Lines lines = {fmt::format("Operation: {}", name_of(elementwise.op))};
  if (elementwise.scale != 1) lines.push_back(fmt::format("Scale: {}", elementwise.scale));
  if (elementwise.relu) lines.push_back("Activation: ReLU");
  return lines;
}

Lines details(const aneir::Broadcast& broadcast) {
  Lines lines = {"To: " + shape_text(broadcast.shape)};
  if (broadcast.relu) lines.push_back("Activation: ReLU");
  return lines;
}
Lines details(const aneir::Concat& concat) {
  return {fmt::format("Axis: {}{}", name_of(concat.axis), concat.interleave ? ", interleaved" : "")};
}
Lines details(const aneir::Reshape& reshape) {
  return {"To: " + shape_text(reshape.shape)};
}

Lines details(const aneir::Transpose& transpose) {
  Lines lines;
  for (const Axis axis : aneir::all_axes)
    if (const Axis source = transpose.source[static_cast<size_t>(axis)]; source != axis)
      lines.push_back(fmt::format("{} from {}", name_of(axis), name_of(source)));
  return lines;
}

Lines details(const aneir::InputView& view) {
  return {fmt::format("{}: {} from {}{}", name_of(view.axis), view.size, view.offset,
                      view.step == 1 ? "" : fmt::format(", step {}", view.step))};
}

Lines details(const aneir::Pooling& pooling) {
  Lines lines = window_lines(pooling);
  lines.insert(lines.begin(), fmt::format("Kind: {}", name_of(pooling.type)));
  if (pooling.exclude_padding) lines.push_back("Padding does not count");
  return lines;
}

std::string axes_text(const std::vector<aneir::Axis>& axes) {
  std::string text;
  for (const aneir::Axis axis : axes) text += fmt::format("{}{}", text.empty() ? "" : ", ", name_of(axis));
  return text;
}

Lines details(const aneir::Reduction& reduction) {
  Lines lines = {fmt::format("Kind: {} over {}", name_of(reduction.type), axes_text(reduction.axes))};
  if (reduction.activation) lines.push_back("Activation: " + neuron_text(*reduction.activation));
  return lines;
}

Lines details(const aneir::Softmax& softmax) {
  return {fmt::format("Axis: {}", name_of(softmax.axis))};
}
Lines details(const aneir::MatMul& product) {
  Lines lines;
  if (product.matrix)
    lines.push_back(fmt::format("Matrix: {}×{}", product.matrix_rows, product.matrix_columns));
  if (product.transpose_first) lines.push_back("First transposed");
  if (product.transpose_second) lines.push_back("Second transposed");
  if (product.scale != 1) lines.push_back(fmt::format("Scale: {}", product.scale));
  if (product.bias) lines.push_back("Bias");
  if (product.activation) lines.push_back("Activation: " + neuron_text(*product.activation));
  return lines;
}

Lines details(const aneir::Normalize& normalize) {
  return {fmt::format("Over: {}", axes_text(normalize.axes)), fmt::format("Epsilon: {}", normalize.epsilon)};
}
Lines details(const aneir::Select&) {
  return {};
}
Lines details(const aneir::Cast& cast) {
  return {fmt::format("To: {}", name_of(cast.type))};
}
Lines details(const aneir::ConstantTensor& constant) {
  return {"Values: " + constant_text(constant.values)};
}

Lines unit_lines(const Unit& unit) {
  Lines lines = std::visit([](const auto& params) { return details(params); }, unit.params);
  lines.insert(lines.begin(), fmt::format("Type: {}", type_name(unit)));
  if (!unit.layer.empty() && unit.layer != unit.name) lines.push_back("Layer: " + cut_middle(unit.layer, 50));
  return lines;
}

}  // namespace

std::string network_dot(const aneir::Network& network, const std::string& title) {
  Graph graph(title, "N × D × C × H × W, Float16 unless said otherwise");
  std::vector<std::string> maker(network.tensors.size());
  for (const aneir::TensorId id : network.inputs) {
    const std::string node = fmt::format("input{}", id);
    graph.node(node, Look::Input, network.tensor(id).name, {"input", tensor_text(network.tensor(id))});
    maker[static_cast<size_t>(id)] = node;
  }
  for (size_t i = 0; i < network.units.size(); ++i) {
    const Unit& unit = network.units[i];
    const std::string node = fmt::format("unit{}", i);
    graph.node(node, unit.as<aneir::ConstantTensor>() ? Look::Constant : Look::Plain, unit.name,
               unit_lines(unit));
    for (const aneir::TensorId id : unit.bottoms)
      if (const std::string& from = maker[static_cast<size_t>(id)]; !from.empty())
        graph.edge(from, node, {network.tensor(id).name, tensor_text(network.tensor(id))});
    if (unit.top != aneir::no_tensor) maker[static_cast<size_t>(unit.top)] = node;
  }
  for (size_t i = 0; i < network.outputs.size(); ++i) {
    const aneir::Output& output = network.outputs[i];
    const aneir::Tensor& tensor = network.tensor(output.tensor);
    const std::string node = fmt::format("output{}", i);
    graph.node(node, Look::Output, output.name, {"output", tensor_text(tensor)});
    if (const std::string& from = maker[static_cast<size_t>(output.tensor)]; !from.empty())
      graph.edge(from, node, {tensor.name, tensor_text(tensor)});
  }
  return graph.text();
}

}  // namespace ane::report
