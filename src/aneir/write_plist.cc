// The writer: a network in the format's own words (spell_out) is put down unit by unit, nothing is decided
// here.
#include <map>
#include <set>

#include "aneir/plist.h"
#include "aneir/plist_words.h"
#include "aneir/property_list.h"
#include "base/error.h"
#include "base/file.h"
#include "base/half.h"

namespace ane::aneir {
namespace {

using nlohmann::json;

int bits_of(float value) {
  return to_half(value).bits;
}

Bytes as_halves(const Constant& constant) {
  const std::vector<float> values = constant.floats();
  std::vector<Half> halves(values.size());
  to_half(std::span<const float>(values), std::span<Half>(halves));
  const auto* begin = reinterpret_cast<const uint8_t*>(halves.data());
  return {begin, begin + halves.size() * sizeof(Half)};
}

class Writer {
 public:
  explicit Writer(const Network& network) : network_(network), names_(network.tensors.size()) {}

  json run() {
    json inputs = json::array(), outputs = json::array(), units = json::array(), constants = json::array();
    for (TensorId input : network_.inputs) {
      inputs.push_back(name(input, network_.tensor(input).name));
      entries_[inputs.back()] = input_entry(network_.tensor(input));
    }
    for (const Unit& unit : network_.units) {
      const bool constant = unit.as<ConstantTensor>() != nullptr;
      const std::string unit_name = name(unit.top, unit.name);
      (constant ? constants : units).push_back(unit_name);
      entries_[unit_name] =
          constant ? constant_entry(*unit.as<ConstantTensor>(), unit_name) : unit_entry(unit);
    }
    for (const Output& output : network_.outputs) {
      outputs.push_back(unused(output.name + std::string(words::output_suffix)));
      entries_[outputs.back()] = output_entry(output.tensor);
    }
    entries_["Inputs"] = inputs;
    entries_["Outputs"] = outputs;
    entries_["Units"] = units;
    if (!constants.empty()) entries_["Constants"] = constants;
    if (weights_.size() > 0) entries_["Weights"] = json::array({"net.weights"});
    return {{"Version", words::version_a}, {"Networks", json::array({"net"})}, {"net", std::move(entries_)}};
  }

  const Bytes& weights() const { return weights_.data(); }

 private:
  // ---- Names ----

  std::string unused(const std::string& wanted) {
    std::string result = wanted;
    for (int suffix = 1; !taken_.insert(result).second; ++suffix)
      result = wanted + "_" + std::to_string(suffix);
    return result;
  }

  std::string name(TensorId tensor, const std::string& wanted) {
    return names_[static_cast<size_t>(tensor)] = unused(wanted);
  }

  const std::string& name_of_tensor(TensorId tensor) const { return names_[static_cast<size_t>(tensor)]; }

  // ---- Constants ----

  // The offset at which the constant is kept; the same bytes in the same type are kept once.
  int64_t keep(const Constant& constant, ElementType type) {
    const auto key = std::make_tuple(constant.bytes.data(), constant.bytes.size(), type);
    const auto known = kept_.find(key);
    if (known != kept_.end()) return known->second;
    weights_.align(64);
    const auto offset = static_cast<int64_t>(weights_.size());
    if (type == constant.type) {
      weights_.bytes(constant.bytes);
    } else {
      weights_.bytes(as_halves(constant));
    }
    return kept_[key] = offset;
  }

  // ---- Surfaces ----

  static void put_strides(json& entry, const std::string& side, const Tensor& tensor) {
    const Shape& shape = tensor.shape;
    const int64_t row = round_up(shape.w * size_of(tensor.type), words::row_alignment);
    entry[side + "RowStride"] = row;
    entry[side + "PlaneStride"] = shape.h * row;
    entry[side + "Interleave"] = 1;
    if (shape.d == 1) return;
    entry[side + "BatchStride"] = shape.c * shape.h * row;
    entry[side + "DepthStride"] = shape.n * shape.c * shape.h * row;
  }

  static json input_entry(const Tensor& tensor) {
    const Shape& shape = tensor.shape;
    json entry = {{"BatchSize", shape.n},
                  {"InputChannels", shape.c},
                  {"InputHeight", shape.h},
                  {"InputWidth", shape.w},
                  {"InputType", aneir::name_of(tensor.type)}};
    put_strides(entry, "Input", tensor);
    if (shape.d > 1) entry["InputDepth"] = shape.d;
    return entry;
  }

  json output_entry(TensorId tensor) const {
    json entry = {{"Bottom", name_of_tensor(tensor)},
                  {"OutputType", aneir::name_of(network_.tensor(tensor).type)}};
    put_strides(entry, "Output", network_.tensor(tensor));
    return entry;
  }

  json constant_entry(const ConstantTensor& constant, const std::string& constant_name) {
    return {{"ConstantName", constant_name},
            {"ConstantType", aneir::name_of(ElementType::Float16)},
            {"ConstantIndex", 0},
            {"ConstantByteOffset", keep(constant.values, ElementType::Float16)},
            {"ConstantBatchSize", constant.shape.n},
            {"ConstantDepth", constant.shape.d},
            {"ConstantChannels", constant.shape.c},
            {"ConstantHeight", constant.shape.h},
            {"ConstantWidth", constant.shape.w},
            {"ConstantInterleave", 1}};
  }

  // ---- Units ----

  json unit_entry(const Unit& unit) {
    json bottoms = json::array();
    for (TensorId bottom : unit.bottoms) bottoms.push_back(name_of_tensor(bottom));
    json entry = {{"Name", name_of_tensor(unit.top)},
                  {"Type", type_name(unit)},
                  {"Bottom", bottoms.size() == 1 ? bottoms[0] : bottoms},
                  {"OutputType", aneir::name_of(ElementType::Float16)}};
    const json params = std::visit([&](const auto& typed) { return params_of(typed, entry); }, unit.params);
    if (!params.empty()) entry["Params"] = params;
    if (unit.as<Conv>() || unit.as<Concat>()) entry["OutputChannels"] = network_.tensor(unit.top).shape.c;
    return entry;
  }

  template <typename Window>
  static json window_of(const Window& window, int pad_left, int pad_top) {
    json params = {{"KernelWidth", window.kernel_width},
                   {"KernelHeight", window.kernel_height},
                   {"Step", json::array({window.stride_x, window.stride_y})}};
    const std::pair<const char*, int> pads[] = {{"PadLeft", pad_left},
                                                {"PadRight", window.pad_right},
                                                {"PadTop", pad_top},
                                                {"PadBot", window.pad_bottom}};
    for (const auto& [key, amount] : pads) {
      if (amount != 0) params[key] = amount;
    }
    return params;
  }

  json params_of(const Conv& conv, json& entry) {
    if (conv.groups > 1) entry["NumGroups"] = conv.groups;
    if (conv.transposed) return upsampling_of(conv);
    // Int8 kernels are seen in no public file.
    const ElementType type =
        conv.weights.type == ElementType::Int8 ? ElementType::Float16 : conv.weights.type;
    json params = window_of(conv, conv.pad_left, conv.pad_top);
    params.update({{"Type", "Conv"},
                   {"KernelMode", "Dense"},
                   {"KernelGroupReuse", false},
                   {"KernelIndex", 0},
                   {"KernelOffset", keep(conv.weights, type)},
                   {"KernelType", aneir::name_of(type)}});
    return params;
  }

  // The amounts are those of a convolution over the input with zeros between its elements.
  static json upsampling_of(const Conv& conv) {
    json params = window_of(conv, conv.kernel_width - 1, conv.kernel_height - 1);
    params.update({{"Type", "ChannelWiseDeConv"},
                   {"KernelMode", "Unity"},
                   {"KernelGroupReuse", true},
                   {"KernelType", aneir::name_of(ElementType::Float16)},
                   {"PaddingMode", "Zero"}});
    return params;
  }

  json params_of(const Goc& goc, json&) {
    if (goc.channel_offset) {
      return {{"BiasScaleGroupData",
               {{"BiasCount", goc.channel_offset->count()},
                {"BiasIndex", 0},
                {"BiasOffset", keep(*goc.channel_offset, ElementType::Float16)},
                {"BiasType", aneir::name_of(ElementType::Float16)}}}};
    }
    const float bias = goc.offset == 0 ? 0 : goc.offset / goc.scale;
    return {{"ScaleScalar", bits_of(goc.scale)}, {"BiasScalar", bits_of(bias)}};
  }

  json params_of(const Neuron& neuron, json& entry) {
    json params = {{"Type", aneir::name_of(neuron.type)}};
    if (words::contains(words::unary_operations, neuron.type)) entry["Type"] = "ElementWise";
    if (neuron.type == NeuronType::Elu) params["EluAlpha"] = bits_of(neuron.alpha);
    if (neuron.type == NeuronType::LeakyReLU) {
      params["ReluSlope"] = bits_of(neuron.alpha);
      params["ReluOffset"] = 0;
    }
    if (neuron.type == NeuronType::ClampedReLU) {
      params["ReluMin"] = bits_of(neuron.alpha);
      params["ReluMax"] = bits_of(neuron.beta);
    }
    return params;
  }

  static json params_of(const ElementWise& unit, json& entry) {
    json params = {{"Type", aneir::name_of(unit.op)}};
    if (words::contains(words::scaled_operations, unit.op)) {
      entry["Type"] = "ScaledElementWise";
      params["Scale"] = bits_of(unit.scale);
    }
    return params;
  }

  static json params_of(const Broadcast& unit, json&) {
    json info = json::array();
    for (Axis axis : {Axis::Depth, Axis::Batch, Axis::Channel, Axis::Height, Axis::Width}) {
      info.push_back({{"Dimension", aneir::name_of(axis)}, {"Size", unit.shape[axis]}});
    }
    return {{"BroadcastInfo", info}};
  }

  static json params_of(const Reshape& unit, json&) {
    json params;
    for (Axis axis : all_axes) params[std::string("Reshaped") + aneir::name_of(axis)] = unit.shape[axis];
    return params;
  }

  static json params_of(const Transpose& unit, json&) {
    json moves = json::array();
    for (size_t i = 0; i < all_axes.size(); ++i) {
      if (unit.source[i] == all_axes[i]) continue;
      moves.push_back({{"TransposeSourceDimension", aneir::name_of(unit.source[i])},
                       {"TransposeDestinationDimension", aneir::name_of(all_axes[i])}});
    }
    return {{"TransposeDimensions", moves}};
  }

  static json params_of(const InputView& unit, json&) {
    json params = {{"Dimension", aneir::name_of(unit.axis)}, {"Offset", unit.offset}, {"Size", unit.size}};
    if (unit.step != 1) params["Step"] = unit.step;
    return params;
  }

  static json params_of(const Pooling& unit, json&) {
    json params = window_of(unit, unit.pad_left, unit.pad_top);
    params["Type"] = words::word_for(words::poolings, unit.type);
    params["PaddingMode"] = words::padding_mode(unit.type);
    if (unit.type == PoolingType::Average) params["AverageCountExcludePadding"] = unit.exclude_padding;
    return params;
  }

  static json params_of(const Reduction& unit, json&) {
    json axes = json::array();
    for (Axis axis : unit.axes) axes.push_back(aneir::name_of(axis));
    return {{"Type", words::word_for(words::reductions, unit.type)}, {"Dimension", axes}};
  }

  static json params_of(const Concat& unit, json&) {
    ensure(!unit.interleave, "write_plist: only passes interleave");
    return {{"Dimension", aneir::name_of(unit.axis)}};
  }
  static json params_of(const Softmax& unit, json&) { return {{"Dimension", aneir::name_of(unit.axis)}}; }
  static json params_of(const ConstantTensor&, json&) { return {}; }
  // Units whose form in the format is not known; spell_out() refuses them.
  template <typename Unknown>
  static json params_of(const Unknown&, json&) {
    throw InternalError("write_plist: a unit that the format cannot say");
  }

  const Network& network_;
  std::vector<std::string> names_;  // of the unit, input or constant that gives each tensor
  std::set<std::string> taken_ = {"Inputs", "Outputs", "Units", "Weights", "Constants"};
  json entries_ = json::object();
  ByteWriter weights_;
  std::map<std::tuple<const uint8_t*, size_t, ElementType>, int64_t> kept_;
};

}  // namespace

void write_plist(const Network& network, const std::filesystem::path& folder) {
  const Network spelled = spell_out(network);
  Writer writer(spelled);
  const std::string text = format_property_list(writer.run());
  if (!writer.weights().empty()) write_file(folder / "net.weights", writer.weights());
  write_file(folder / "net.plist", text);
}

}  // namespace ane::aneir
