// The reader. Everything in the file is somebody else's: each key is asked for once, with its type and range,
// and a key that nobody asked for is an error, because a parameter that we do not know may change what the
// unit computes.
#include <fmt/format.h>

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
namespace fs = std::filesystem;

// One dictionary of the file: typed access, and a record of what was asked for.
class Dictionary {
 public:
  Dictionary(const json& value, const std::string& file, std::string where)
      : value_(value), file_(file), where_(std::move(where)) {
    if (!value.is_object()) fail("is not a dictionary");
  }

  [[noreturn]] void fail(const std::string& why, const std::string& remedy = "") const {
    throw Error(file_, where_, why, remedy);
  }
  void require(bool condition, const std::string& why) const {
    if (!condition) fail(why);
  }

  const json* find(const std::string& key) {
    asked_.insert(key);
    const auto found = value_.find(key);
    return found == value_.end() ? nullptr : &*found;
  }
  const json& get(const std::string& key) {
    const json* found = find(key);
    if (!found) fail("has no " + key);
    return *found;
  }

  int64_t integer(const std::string& key, int64_t low, int64_t high) {
    const json& value = get(key);
    require(value.is_number_integer(), key + " is not an integer");
    const auto number = value.get<int64_t>();
    require(number >= low && number <= high,
            fmt::format("{} = {}, It should be in [{},{}]", key, number, low, high));
    return number;
  }
  int64_t integer_or(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
    return find(key) ? integer(key, low, high) : fallback;
  }
  int window(const std::string& key, int fallback, int low) {
    return static_cast<int>(integer_or(key, fallback, low, max_window));
  }
  float half(const std::string& key, float fallback) {
    return find(key) ? to_float(Half{static_cast<uint16_t>(integer(key, 0, 0xffff))}) : fallback;
  }
  float half(const std::string& key) {
    get(key);
    return half(key, 0);
  }
  bool truth_or(const std::string& key, bool fallback) {
    const json* found = find(key);
    if (!found) return fallback;
    require(found->is_boolean(), key + " is not a truth value");
    return found->get<bool>();
  }
  std::string text(const std::string& key) {
    const json& value = get(key);
    require(value.is_string(), key + " is not text");
    return value.get<std::string>();
  }
  std::string text_or(const std::string& key, const std::string& fallback) {
    return find(key) ? text(key) : fallback;
  }
  void expect(const std::string& key, const std::string& only) {
    require(text_or(key, only) == only, key + " " + text_or(key, only) + " where " + only + " is expected");
  }
  void expect(const std::string& key, int64_t only) { integer_or(key, only, only, only); }

  const json& array(const std::string& key) {
    const json& value = get(key);
    require(value.is_array(), key + " is not an array");
    return value;
  }
  std::vector<std::string> texts(const std::string& key) {
    std::vector<std::string> result;
    for (const json& item : array(key)) {
      require(item.is_string(), key + " holds something that is not text");
      result.push_back(item.get<std::string>());
    }
    return result;
  }
  std::vector<std::string> texts_or_none(const std::string& key) {
    return find(key) ? texts(key) : std::vector<std::string>();
  }

  Dictionary inside(const std::string& key) { return {get(key), file_, path_to(key)}; }
  Dictionary item(const json& value, const std::string& key) const { return {value, file_, path_to(key)}; }
  void ignore(std::initializer_list<const char*> keys) { asked_.insert(keys.begin(), keys.end()); }

  void refuse_unknown_keys() const {
    for (const auto& [key, value] : value_.items()) {
      if (!asked_.contains(key)) fail("has the unknown key " + key);
    }
  }

 private:
  std::string path_to(const std::string& key) const { return where_.empty() ? key : where_ + "." + key; }

  const json& value_;
  const std::string& file_;
  std::string where_;
  std::set<std::string> asked_;
};

Axis axis_named(const Dictionary& at, const std::string& word) {
  for (Axis axis : all_axes) {
    if (word == name_of(axis)) return axis;
  }
  at.fail("knows no axis " + word);
}

ElementType type_named(const Dictionary& at, const std::string& word,
                       std::initializer_list<ElementType> allowed) {
  for (ElementType type : allowed) {
    if (word == name_of(type)) return type;
  }
  at.fail("element type " + word + " is not possible here");
}

template <typename Value, size_t count>
Value value_named(const Dictionary& at, const Value (&list)[count], const std::string& word) {
  for (Value each : list) {
    if (word == name_of(each)) return each;
  }
  at.fail("Type " + word + " is not known");
}

template <typename Value, size_t count>
Value value_named(const Dictionary& at, const std::pair<Value, const char*> (&list)[count],
                  const std::string& word) {
  for (const auto& [value, each] : list) {
    if (word == each) return value;
  }
  at.fail("Type " + word + " is not known");
}

// ---- Weight files ----

class WeightFiles {
 public:
  WeightFiles(fs::path folder, std::vector<std::string> names)
      : folder_(std::move(folder)), names_(std::move(names)), files_(names_.size()) {}

  // `count` values at byte `offset` of file `index`.
  Constant read(const Dictionary& at, int64_t index, int64_t offset, ElementType type, int64_t count) {
    at.require(index < static_cast<int64_t>(names_.size()),
               fmt::format("refers to weight file {} of {}", index, names_.size()));
    const MappedFile& file = open(static_cast<size_t>(index));
    const int64_t size = saturating_product({count, size_of(type)});
    const auto there = static_cast<int64_t>(file.bytes().size());
    at.require(offset <= there && size <= there - offset,
               fmt::format("needs {} bytes at {} of {}, which has {}", size, offset, file.name(), there));
    return {type, file.owner(), file.bytes().subspan(static_cast<size_t>(offset), static_cast<size_t>(size))};
  }

 private:
  const MappedFile& open(size_t index) {
    if (!files_[index]) files_[index].emplace(path_of(index));
    return *files_[index];
  }

  fs::path path_of(size_t index) const {
    const fs::path listed = folder_ / names_[index];
    constexpr const char* published[] = {"net.weights", "net.additional.weights"};
    std::error_code ignored;
    if (fs::exists(listed, ignored) || index >= std::size(published)) return listed;
    const fs::path renamed = folder_ / published[index];
    return fs::exists(renamed, ignored) ? renamed : listed;
  }

  fs::path folder_;
  std::vector<std::string> names_;
  std::vector<std::optional<MappedFile>> files_;
};

// ---- Units ----

// What a unit's reader works with.
struct UnitInput {
  Dictionary& unit;
  Dictionary& params;
  std::vector<Shape> bottoms;
  WeightFiles& weights;

  const Shape& only() const {
    unit.require(bottoms.size() == 1,
                 "reads " + std::to_string(bottoms.size()) + " tensors where one is expected");
    return bottoms[0];
  }
};

// The units that one of the file becomes, the first reading its bottoms, each next one the result before it.
using Chain = std::vector<Params>;

template <typename Window>
void read_window(Dictionary& params, Window& window) {
  window.kernel_width = window.kernel_height = 1;
  window.kernel_width = params.window("KernelWidth", 1, 1);
  window.kernel_height = params.window("KernelHeight", 1, 1);
  params.expect("KernelDepth", 1);
  params.expect("PadFront", 0);
  params.expect("PadBack", 0);
  window.pad_left = params.window("PadLeft", 0, 0);
  window.pad_right = params.window("PadRight", 0, 0);
  window.pad_top = params.window("PadTop", 0, 0);
  window.pad_bottom = params.window("PadBot", 0, 0);
  if (!params.find("Step")) return;
  std::vector<int> steps;
  for (const json& step : params.array("Step")) {
    params.require(step.is_number_integer() && step >= 1 && step <= max_window,
                   "Step holds an impossible value");
    steps.push_back(step.get<int>());
  }
  params.require(steps.size() == 2 || (steps.size() == 3 && steps[2] == 1),
                 "Step is not [x, y] or [x, y, 1]");
  window.stride_x = steps[0];
  window.stride_y = steps[1];
}

// Turns the amounts of a convolution over the stretched input into those that a deconvolution cuts off its
// result.
void set_upsampling(const Dictionary& params, Conv& conv) {
  conv.transposed = true;
  conv.pad_left = conv.kernel_width - 1 - conv.pad_left;
  conv.pad_top = conv.kernel_height - 1 - conv.pad_top;
  conv.pad_right = conv.kernel_width - conv.stride_x - conv.pad_right;
  conv.pad_bottom = conv.kernel_height - conv.stride_y - conv.pad_bottom;
  constexpr int64_t most = int64_t{1} << 26;
  const int64_t count = saturating_product({conv.output_channels, conv.kernel_width, conv.kernel_height});
  params.require(count <= most, "a Unity kernel of " + std::to_string(count) + " values");
  conv.weights = Constant::of_floats(std::vector<float>(static_cast<size_t>(count), 1.0f));
  params.require(is_block_upsampling(conv),
                 "ChannelWiseDeConv is known only as nearest-neighbour upsampling");
}

Chain read_conv(UnitInput& in) {
  Conv conv;
  conv.output_channels = in.unit.integer("OutputChannels", 1, max_axis);
  conv.groups = in.unit.integer_or("NumGroups", 1, 1, max_axis);
  Dictionary& params = in.params;
  read_window(params, conv);
  params.expect("PaddingMode", "Zero");
  params.require(!params.truth_or("KernelMutable", false), "KernelMutable kernels are not known");
  const std::string type = params.text_or("Type", "Conv"), mode = params.text_or("KernelMode", "Dense");
  const bool group_reuse = params.truth_or("KernelGroupReuse", false);
  const ElementType kernel_type =
      type_named(params, params.text_or("KernelType", "Float16"),
                 {ElementType::Float16, ElementType::Float32, ElementType::UInt8});
  const int64_t index = params.integer_or("KernelIndex", 0, 0, INT32_MAX);
  const int64_t offset = params.integer_or("KernelOffset", 0, 0, INT64_MAX);
  const bool upsampling = type == "ChannelWiseDeConv" && mode == "Unity";
  params.require(upsampling || (type == "Conv" && mode == "Dense" && !group_reuse),
                 "Type " + type + " with KernelMode " + mode + (group_reuse ? " and KernelGroupReuse" : "") +
                     " is not known");
  if (upsampling) {
    conv.groups = conv.output_channels;
    set_upsampling(params, conv);
    return {conv};
  }
  const int64_t channels = in.only().c;
  in.unit.require(channels % conv.groups == 0, "input/output channels should be divisible by num group");
  conv.weights = in.weights.read(params, index, offset, kernel_type,
                                 saturating_product({conv.output_channels, channels / conv.groups,
                                                     conv.kernel_width, conv.kernel_height}));
  return {conv};
}

Chain read_goc(UnitInput& in) {
  Goc goc;
  goc.scale = in.params.half("ScaleScalar", 1);
  const float bias = in.params.half("BiasScalar", 0);
  goc.offset = bias == 0 ? 0 : goc.scale * bias;
  if (!in.params.find("BiasScaleGroupData")) return {goc};
  in.params.require(goc.scale == 1 && bias == 0, "the order of scalars and BiasScaleGroupData is not known");
  Dictionary group = in.params.inside("BiasScaleGroupData");
  const ElementType type =
      type_named(group, group.text_or("BiasType", "Float16"), {ElementType::Float16, ElementType::Float32});
  goc.channel_offset = in.weights.read(group, group.integer_or("BiasIndex", 0, 0, INT32_MAX),
                                       group.integer_or("BiasOffset", 0, 0, INT64_MAX), type,
                                       group.integer("BiasCount", 1, max_axis));
  group.refuse_unknown_keys();
  return {goc};
}

Chain read_neuron(UnitInput& in) {
  const std::string word = in.params.text("Type");
  // A more precise table for the same function.
  Neuron neuron{word == "SigmoidHighPrecision" ? NeuronType::Sigmoid
                                               : value_named(in.params, words::neurons, word)};
  if (neuron.type == NeuronType::Elu) neuron.alpha = in.params.half("EluAlpha");
  if (neuron.type == NeuronType::LeakyReLU) {
    neuron.alpha = in.params.half("ReluSlope");
    in.params.expect("ReluOffset", 0);
  }
  if (neuron.type == NeuronType::ClampedReLU) {
    neuron.alpha = in.params.half("ReluMin");
    neuron.beta = in.params.half("ReluMax");
  }
  return {neuron};
}

Chain read_elementwise(UnitInput& in) {
  const std::string word = in.params.text("Type");
  if (in.bottoms.size() == 1) return {Neuron{value_named(in.params, words::unary_operations, word)}};
  return {ElementWise{value_named(in.params, words::operations, word), 1, false}};
}

Chain read_scaled_elementwise(UnitInput& in) {
  const ElementWiseOp op = value_named(in.params, words::scaled_operations, in.params.text("Type"));
  return {ElementWise{op, in.params.half("Scale", 1), false}};
}

Chain read_broadcast(UnitInput& in) {
  Broadcast broadcast{in.only()};
  for (const json& item : in.params.array("BroadcastInfo")) {
    Dictionary info = in.params.item(item, "BroadcastInfo");
    broadcast.shape[axis_named(info, info.text("Dimension"))] = info.integer("Size", 1, max_axis);
    info.refuse_unknown_keys();
  }
  return {broadcast};
}

Chain read_concat(UnitInput& in) {
  return {Concat{axis_named(in.params, in.params.text_or("Dimension", "Channel"))}};
}

Chain read_reshape(UnitInput& in) {
  Reshape reshape;
  for (Axis axis : all_axes) {
    const std::string key = std::string("Reshaped") + name_of(axis);
    reshape.shape[axis] =
        axis == Axis::Depth ? in.params.integer_or(key, 1, 1, max_axis) : in.params.integer(key, 1, max_axis);
  }
  return {reshape};
}

Chain read_flatten(UnitInput& in) {
  const std::string mode = in.params.text_or("Mode", in.params.text_or("FlattenType", "NCHW"));
  in.params.require(mode == "NCHW" || mode == "NHWC", "FlattenType " + mode + " is not known");
  const Shape& shape = in.only();
  const Reshape vector{{shape.n, shape.d, saturating_product({shape.c, shape.h, shape.w}), 1, 1}};
  if (mode == "NCHW") return {vector};
  return {Transpose{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Width, Axis::Channel}}, vector};
}

Chain read_transpose(UnitInput& in) {
  Transpose transpose;
  for (const json& item : in.params.array("TransposeDimensions")) {
    Dictionary move = in.params.item(item, "TransposeDimensions");
    const Axis to = axis_named(move, move.text("TransposeDestinationDimension"));
    const auto place =
        static_cast<size_t>(std::find(all_axes.begin(), all_axes.end(), to) - all_axes.begin());
    transpose.source[place] = axis_named(move, move.text("TransposeSourceDimension"));
    move.refuse_unknown_keys();
  }
  return {transpose};
}

Chain read_input_view(UnitInput& in) {
  InputView view;
  view.axis = axis_named(in.params, in.params.text("Dimension"));
  view.offset = in.params.integer("Offset", 0, max_axis);
  view.size = in.params.integer("Size", 1, max_axis);
  view.step = in.params.integer_or("Step", 1, 1, max_axis);
  return {view};
}

Chain read_pooling(UnitInput& in) {
  Pooling pooling;
  pooling.type = value_named(in.params, words::poolings, in.params.text("Type"));
  read_window(in.params, pooling);
  in.params.expect("PaddingMode", words::padding_mode(pooling.type));
  pooling.exclude_padding = in.params.truth_or("AverageCountExcludePadding", false);
  return {pooling};
}

Chain read_reduction(UnitInput& in) {
  Reduction reduction;
  reduction.type = value_named(in.params, words::reductions, in.params.text("Type"));
  for (const std::string& word : in.params.texts("Dimension")) {
    reduction.axes.push_back(axis_named(in.params, word));
  }
  return {reduction};
}

Chain read_softmax(UnitInput& in) {
  return {Softmax{axis_named(in.params, in.params.text("Dimension"))}};
}

const std::map<std::string, Chain (*)(UnitInput&)> unit_readers = {
    {"Conv", read_conv},
    {"GOC", read_goc},
    {"Neuron", read_neuron},
    {"ElementWise", read_elementwise},
    {"ScaledElementWise", read_scaled_elementwise},
    {"Broadcast", read_broadcast},
    {"Concat", read_concat},
    {"Reshape", read_reshape},
    {"Flatten", read_flatten},
    {"Transpose", read_transpose},
    {"InputView", read_input_view},
    {"Pooling", read_pooling},
    {"Reduction", read_reduction},
    {"Softmax", read_softmax},
};

// ---- The network ----

class Reader {
 public:
  Reader(const json& root, const std::string& file, const fs::path& folder)
      : file_(file),
        top_(root, file_, ""),
        net_name_(only_network()),
        net_(top_.inside(net_name_)),
        weights_(folder, net_.texts_or_none("Weights")) {}

  Network run() {
    network_.name = net_name_;
    const std::string version = top_.text("Version");
    if (version != words::version_a && version != words::version_b)
      top_.fail("Version " + version + " is not known");
    std::optional<Dictionary> procedure;
    if (top_.find("ProcedureList")) procedure.emplace(only_procedure());
    const std::vector<std::string> units = net_.texts("Units");
    refuse_unknown_types(units);
    procedure ? read_procedure_inputs(*procedure) : read_inputs();
    for (const std::string& name : net_.texts_or_none("Constants")) read_constant(name);
    for (const std::string& name : units) read_unit(name);
    procedure ? read_procedure_outputs(*procedure) : read_outputs();
    check(network_, file_);
    return std::move(network_);
  }

 private:
  std::string only_network() {
    const std::vector<std::string> names = top_.texts("Networks");
    if (names.size() != 1)
      top_.fail("describes " + std::to_string(names.size()) + " networks", "one is read");
    return names[0];
  }

  Dictionary only_procedure() {
    const json& list = top_.array("ProcedureList");
    top_.require(list.size() == 1, "has " + std::to_string(list.size()) + " procedures where one is read");
    Dictionary procedure = top_.item(list[0], "ProcedureList");
    for (const json& item : procedure.array("OperationList")) {
      Dictionary operation = procedure.item(item, "OperationList");
      operation.expect("NetworkName", net_name_);
    }
    return procedure;
  }

  void refuse_unknown_types(const std::vector<std::string>& units) {
    std::string unknown;
    for (const std::string& name : units) {
      const std::string type = net_.inside(name).text("Type");
      if (unit_readers.contains(type)) continue;
      unknown += (unknown.empty() ? "" : ", ") + name + " (" + type + ")";
    }
    if (!unknown.empty()) net_.fail("units of types that are not known: " + unknown);
  }

  TensorId define(const Dictionary& at, const std::string& name, TensorId tensor) {
    at.require(tensors_.emplace(name, tensor).second, "the name stands for two things");
    return tensor;
  }

  TensorId tensor_named(const Dictionary& at, const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) at.fail("reads " + name + ", which nothing before it produces");
    return found->second;
  }

  // ---- Surfaces ----

  static Tensor input_tensor(Dictionary& at, const std::string& name) {
    const auto length = [&](const char* key) { return at.integer(key, 1, max_axis); };
    const Shape shape{at.integer_or("BatchSize", 1, 1, max_axis), at.integer_or("InputDepth", 1, 1, max_axis),
                      length("InputChannels"), length("InputHeight"), length("InputWidth")};
    const std::string trouble = trouble_of(shape);
    at.require(trouble.empty(), trouble);
    const ElementType type = type_named(at, at.text_or("InputType", "Float16"),
                                        {ElementType::Float16, ElementType::UInt8, ElementType::Int8});
    at.expect("InputInterleave", 1);
    expect_strides(at, "Input", shape, type);
    return {name, shape, type};
  }

  // Rows are packed to 64 bytes; other strides would need a surface that we do not make.
  static void expect_strides(Dictionary& at, const std::string& side, const Shape& shape, ElementType type) {
    const int64_t row = round_up(shape.w * size_of(type), words::row_alignment);
    at.expect(side + "RowStride", row);
    at.expect(side + "PlaneStride", saturating_product({row, shape.h}));
    at.expect(side + "BatchStride", saturating_product({row, shape.h, shape.c}));
    at.expect(side + "DepthStride", saturating_product({row, shape.h, shape.c, shape.n}));
  }

  void read_inputs() {
    for (const std::string& name : net_.texts("Inputs")) {
      Dictionary entry = net_.inside(name);
      add_input(entry, input_tensor(entry, name));
      entry.refuse_unknown_keys();
    }
  }

  void add_input(const Dictionary& at, const Tensor& tensor) {
    network_.inputs.push_back(
        define(at, tensor.name, network_.add_tensor(tensor.name, tensor.shape, tensor.type)));
  }

  // Dialect B lists a tensor once for each unit that reads it.
  void read_procedure_inputs(Dictionary& procedure) {
    for (const json& item : procedure.array("InputList")) {
      Dictionary entry = procedure.item(item, "InputList");
      const Tensor tensor = input_tensor(entry, entry.text("InputName"));
      const auto known = tensors_.find(tensor.name);
      if (known == tensors_.end()) {
        add_input(entry, tensor);
      } else {
        entry.require(network_.tensor(known->second).shape == tensor.shape, tensor.name + " has two shapes");
      }
      entry.ignore({"Name", "OperationName"});
      entry.refuse_unknown_keys();
    }
  }

  void read_outputs() {
    for (const std::string& name : net_.texts("Outputs")) {
      Dictionary entry = net_.inside(name);
      const TensorId tensor = tensor_named(entry, entry.text("Bottom"));
      const Shape& shape = network_.tensor(tensor).shape;
      entry.expect("OutputType", "Float16");
      entry.expect("OutputInterleave", 1);
      expect_strides(entry, "Output", shape, ElementType::Float16);
      entry.refuse_unknown_keys();
      const bool suffixed = name.ends_with(words::output_suffix);
      network_.outputs.push_back(
          {suffixed ? name.substr(0, name.size() - words::output_suffix.size()) : name, tensor});
    }
  }

  void read_procedure_outputs(Dictionary& procedure) {
    for (const json& item : procedure.array("OutputList")) {
      Dictionary entry = procedure.item(item, "OutputList");
      entry.expect("OutputType", "Float16");
      entry.expect("OutputInterleave", 1);
      entry.ignore({"OperationName"});
      const std::string unit = entry.text("Name");
      network_.outputs.push_back({entry.text_or("OutputName", unit), tensor_named(entry, unit)});
      entry.refuse_unknown_keys();
    }
  }

  void read_constant(const std::string& name) {
    Dictionary entry = net_.inside(name);
    const auto length = [&](const char* key) { return entry.integer_or(key, 1, 1, max_axis); };
    const Shape shape{length("ConstantBatchSize"), length("ConstantDepth"), length("ConstantChannels"),
                      length("ConstantHeight"), length("ConstantWidth")};
    entry.expect("ConstantName", name);
    entry.expect("ConstantInterleave", 1);
    const ElementType type = type_named(entry, entry.text("ConstantType"), {ElementType::Float16});
    const std::string trouble = trouble_of(shape);
    entry.require(trouble.empty(), trouble);
    const Constant values =
        weights_.read(entry, entry.integer_or("ConstantIndex", 0, 0, INT32_MAX),
                      entry.integer_or("ConstantByteOffset", 0, 0, INT64_MAX), type, shape.count());
    entry.refuse_unknown_keys();
    define(entry, name, network_.add_unit(name, ConstantTensor{shape, values}, {}, name, name));
  }

  // ---- Units ----

  static std::vector<std::string> bottom_names(Dictionary& unit) {
    return unit.get("Bottom").is_string() ? std::vector<std::string>{unit.text("Bottom")}
                                          : unit.texts("Bottom");
  }

  void read_unit(const std::string& name) {
    Dictionary unit = net_.inside(name);
    std::vector<TensorId> bottoms;
    std::vector<Shape> shapes;
    for (const std::string& bottom : bottom_names(unit)) {
      bottoms.push_back(tensor_named(unit, bottom));
      shapes.push_back(network_.tensor(bottoms.back()).shape);
    }
    const json none = json::object();
    Dictionary params = unit.find("Params") ? unit.inside("Params") : unit.item(none, "Params");
    UnitInput in{unit, params, shapes, weights_};
    Chain chain = unit_readers.at(unit.text("Type"))(in);
    unit.expect("Name", name);
    unit.expect("OutputType", "Float16");
    unit.ignore({"InputType", "UnescapedName", "UnescapedBottom"});
    const TensorId top = define(unit, name, append(name, std::move(chain), bottoms));
    unit.expect("OutputChannels", network_.tensor(top).shape.c);
    params.refuse_unknown_keys();
    unit.refuse_unknown_keys();
  }

  TensorId append(const std::string& name, Chain chain, std::vector<TensorId> bottoms) {
    for (size_t i = 0; i < chain.size(); ++i) {
      const std::string unit = i + 1 == chain.size() ? name : name + "_tmp_" + std::to_string(i);
      try {
        bottoms = {network_.add_unit(unit, std::move(chain[i]), bottoms, name, unit)};
      } catch (const Error& error) {
        throw Error(file_, "", error.what());
      }
    }
    return bottoms[0];
  }

  const std::string& file_;
  Dictionary top_;
  std::string net_name_;
  Dictionary net_;
  WeightFiles weights_;
  Network network_;
  std::map<std::string, TensorId> tensors_;  // by name in the file
};

}  // namespace

Network read_plist(const fs::path& path) {
  std::error_code ignored;
  const fs::path file_path = fs::is_directory(path, ignored) ? path / "net.plist" : path;
  const MappedFile file(file_path);
  const json root = parse_property_list(file.bytes(), file.name());
  return Reader(root, file.name(), file_path.parent_path()).run();
}

}  // namespace ane::aneir
