// The three files of a compiled network, read and written.
//
// The net and the shapes are JSON, plain or in a "pbze" container; the weights are one table of numbered
// blobs. Files come from anywhere, so reading is where everything is checked once: the JSON's depth (it is
// copied, compared and written recursively later), names and types of every layer, that layers stand in
// topological order and name every blob once, that shapes are positive and their products fit, and that every
// weight referred to is there.
//
// Weights stay in the mapped file: a model of some hundred megabytes is read in milliseconds and only touched
// by the pass that packs it. Even ids are spacers in every Apple-written file seen, but other writers put
// data there, so an even id is kept when a layer refers to it and dropped otherwise.
#include "espresso/files.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "espresso/lzfse.h"

namespace ane::espresso {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr uint64_t kTableHeader = 8, kTableEntry = 16, kDataAlignment = 64;
constexpr int kDeepestJson = 64;
// No tensor of this size fits the engine's address space; below it, products of offsets and element sizes
// cannot overflow.
constexpr int64_t kLargestTensor = int64_t{1} << 40;

// ---- Finding the files
// -----------------------------------------------------------------------------------------------

// X.espresso.net -> X.espresso.shape, ...
fs::path sibling(const fs::path& net_file, const char* extension) {
  return fs::path(net_file).replace_extension(extension);
}

bool is_net_name(const fs::path& path) {
  return path.filename().string().ends_with(".espresso.net");
}

[[noreturn]] void no_net_in(const fs::path& folder) {
  std::string remedy = "give a compiled model folder, or the .net file itself";
  if (fs::exists(folder / "model.mil"))
    remedy = "this one holds an ML program (model.mil)";
  else if (fs::exists(folder / "coremldata.bin"))
    remedy = "this compiled model is of a kind that has no neural network";
  throw Error(folder.string(), "", "no .espresso.net file in this folder", remedy);
}

fs::path find_net(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw Error(path.string(), "", "no such file or folder");
  if (!fs::is_directory(path, ignored)) return path;
  if (fs::exists(path / "model.espresso.net", ignored)) return path / "model.espresso.net";
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path, ignored))
    if (is_net_name(entry.path())) found.push_back(entry.path());
  if (found.empty()) no_net_in(path);
  std::sort(found.begin(), found.end());
  if (found.size() > 1)
    throw Error(path.string(), "",
                "holds several nets, among them " + found[0].filename().string() + " and " +
                    found[1].filename().string(),
                "give one of the files");
  return found[0];
}

// ---- JSON
// ------------------------------------------------------------------------------------------------------------

json parse_json(std::string_view text, const std::string& file) {
  const auto limit_depth = [&](int depth, json::parse_event_t, json&) {
    if (depth > kDeepestJson)
      throw Error(file, "", "JSON nested more than " + std::to_string(kDeepestJson) + " deep");
    return true;
  };
  try {
    return json::parse(text, limit_depth);
  } catch (const json::exception& problem) {
    throw Error(file, "", std::string("not valid JSON: ") + problem.what());
  }
}

json read_json(const MappedFile& file) {
  const std::string_view text = file.text();
  Bytes expanded;
  json value;
  if (text.starts_with("pbze")) {
    expanded = expand_pbze(file.bytes(), file.name());
    value = parse_json({reinterpret_cast<const char*>(expanded.data()), expanded.size()}, file.name());
  } else {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || text[first] != '{')
      throw Error(file.name(), "", "neither JSON nor pbze-compressed", "encrypted models cannot be read");
    value = parse_json(text, file.name());
  }
  if (!value.is_object()) throw Error(file.name(), "", "the JSON is not an object");
  return value;
}

// Takes `key` out of `object`; null when absent.
json take(json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  json value = std::move(*found);
  object.erase(found);
  return value;
}

std::string take_string(json& object, const char* key, const std::string& where, const std::string& file) {
  const json value = take(object, key);
  if (value.is_null()) return "";
  if (!value.is_string()) throw Error(file, where, std::string(key) + " is not a string");
  return value.get<std::string>();
}

// Blob names joined by commas; "" is none.
std::vector<std::string> split_names(const std::string& joined, const std::string& where,
                                     const std::string& file) {
  std::vector<std::string> names;
  if (joined.empty()) return names;
  for (size_t begin = 0; begin <= joined.size();) {
    const size_t end = std::min(joined.find(',', begin), joined.size());
    if (end == begin) throw Error(file, where, "an empty blob name in \"" + joined + "\"");
    names.push_back(joined.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::string join_names(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  return joined;
}

// ---- The net
// ---------------------------------------------------------------------------------------------------------

Layer layer_from(json value, size_t index, const std::string& file) {
  std::string where = "layer " + std::to_string(index);
  if (!value.is_object()) throw Error(file, where, "not a JSON object");
  Layer layer;
  layer.name = take_string(value, "name", where, file);
  if (!layer.name.empty()) where = "layer " + layer.name;
  layer.type = take_string(value, "type", where, file);
  if (layer.type.empty()) throw Error(file, where, "has no type");
  layer.bottoms = split_names(take_string(value, "bottom", where, file), where, file);
  layer.tops = split_names(take_string(value, "top", where, file), where, file);
  layer.attributes = std::move(value);
  return layer;
}

json to_json(const Layer& layer) {
  json value = layer.attributes.is_null() ? json::object() : layer.attributes;
  value["name"] = layer.name;
  value["type"] = layer.type;
  value["bottom"] = join_names(layer.bottoms);
  value["top"] = join_names(layer.tops);
  return value;
}

// A number that may be spelled as a boolean; `fallback` when absent.
double number_in(const json& object, const char* key, double fallback, const std::string& where,
                 const std::string& file) {
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  if (found->is_boolean()) return found->get<bool>() ? 1 : 0;
  if (!found->is_number()) throw Error(file, where, std::string(key) + " is not a number");
  return found->get<double>();
}

ImageTransform transform_from(const json& value, const std::string& input, const std::string& file) {
  const std::string where = "transform_params of " + input;
  if (!value.is_object()) throw Error(file, where, "not a JSON object");
  ImageTransform transform;
  transform.scale = number_in(value, "scale", 1, where, file);
  transform.bias_r = number_in(value, "bias_r", 0, where, file);
  transform.bias_g = number_in(value, "bias_g", 0, where, file);
  transform.bias_b = number_in(value, "bias_b", 0, where, file);
  transform.bias_a = number_in(value, "bias_a", 0, where, file);
  transform.network_is_bgr = number_in(value, "is_network_bgr", 0, where, file) != 0;
  transform.center_mean = number_in(value, "center_mean", 0, where, file) != 0;
  return transform;
}

json to_json(const ImageTransform& transform) {
  return {{"scale", transform.scale},
          {"bias_r", transform.bias_r},
          {"bias_g", transform.bias_g},
          {"bias_b", transform.bias_b},
          {"bias_a", transform.bias_a},
          {"center_mean", transform.center_mean ? 1 : 0},
          {"is_network_bgr", transform.network_is_bgr ? 1 : 0}};
}

// Every blob is produced once, and a layer's inputs before it: then one pass in file order sees everything
// defined.
void check_order(const Net& net) {
  std::set<std::string> produced, consumed;
  for (const Layer& layer : net.layers) {
    consumed.insert(layer.bottoms.begin(), layer.bottoms.end());
    for (const std::string& top : layer.tops) {
      if (consumed.contains(top))
        throw Error(net.file, "layer " + layer.name,
                    "produces " + top + ", which it or an earlier layer reads");
      if (!produced.insert(top).second)
        throw Error(net.file, "layer " + layer.name, "produces " + top + ", as an earlier layer does");
    }
  }
}

Net net_from(json value, const std::string& file) {
  Net net;
  net.file = file;
  const json version = take(value, "format_version");
  if (version.is_number_integer()) net.format_version = version.get<int64_t>();
  json layers = take(value, "layers");
  if (!layers.is_array()) throw Error(file, "layers", "missing or not a JSON array");
  net.layers.reserve(layers.size());
  for (json& layer : layers) net.layers.push_back(layer_from(std::move(layer), net.layers.size(), file));
  const json transforms = take(value, "transform_params");
  if (!transforms.is_null() && !transforms.is_object())
    throw Error(file, "transform_params", "not a JSON object");
  for (const auto& [input, transform] : transforms.items())
    net.transforms[input] = transform_from(transform, input, file);
  net.extra = std::move(value);
  check_order(net);
  return net;
}

json to_json(const Net& net) {
  json value = net.extra.is_null() ? json::object() : net.extra;
  value["format_version"] = net.format_version;
  value["storage"] = "model.espresso.weights";
  if (!value.contains("properties")) value["properties"] = json::object();
  json layers = json::array();
  for (const Layer& layer : net.layers) layers.push_back(to_json(layer));
  value["layers"] = std::move(layers);
  for (const auto& [input, transform] : net.transforms) value["transform_params"][input] = to_json(transform);
  return value;
}

// ---- Shapes
// ----------------------------------------------------------------------------------------------------------

int64_t dimension(const json& shape, const char* key, const std::string& where, const std::string& file) {
  const auto found = shape.find(key);
  if (found == shape.end()) return 1;
  const bool fits = found->is_number_unsigned() && found->get<uint64_t>() <= uint64_t{kLargestTensor};
  if (!fits || found->get<int64_t>() == 0)
    throw Error(file, where, std::string("dimension ") + key + " is not a positive size");
  return found->get<int64_t>();
}

Shape shape_from(const json& value, const std::string& blob, const std::string& file) {
  const std::string where = "shape of " + blob;
  if (!value.is_object()) throw Error(file, where, "not a JSON object");
  Shape shape;
  int64_t count = 1;
  const std::pair<const char*, int64_t*> axes[] = {
      {"w", &shape.w}, {"h", &shape.h}, {"k", &shape.k}, {"n", &shape.n}, {"seq", &shape.seq}};
  for (const auto& [key, size] : axes) {
    *size = dimension(value, key, where, file);
    if (*size > kLargestTensor / count) throw Error(file, where, "larger than any tensor can be");
    count *= *size;
  }
  if (const auto rank = value.find("_rank"); rank != value.end()) {
    if (!rank->is_number_unsigned() || rank->get<uint64_t>() > 5)
      throw Error(file, where, "_rank is not 0 to 5");
    shape.rank = rank->get<int>();
  }
  return shape;
}

std::unordered_map<std::string, Shape> shapes_from(const json& value, const std::string& file) {
  const auto table = value.find("layer_shapes");
  if (table == value.end() || !table->is_object())
    throw Error(file, "layer_shapes", "missing or not a JSON object");
  std::unordered_map<std::string, Shape> shapes;
  for (const auto& [blob, shape] : table->items()) shapes[blob] = shape_from(shape, blob, file);
  return shapes;
}

json to_json(const std::unordered_map<std::string, Shape>& shapes) {
  json table = json::object();
  for (const auto& [blob, shape] : shapes) {
    json& entry = table[blob] = {{"w", shape.w}, {"h", shape.h}, {"k", shape.k}, {"n", shape.n}};
    if (shape.seq != 1) entry["seq"] = shape.seq;
    if (shape.rank) entry["_rank"] = *shape.rank;
  }
  return {{"layer_shapes", std::move(table)}};
}

// ---- All together
// ----------------------------------------------------------------------------------------------------

struct NetFiles {
  Net net;
  std::string storage;  // what the net calls its weights file; may be empty
  fs::path net_file;
};

NetFiles read_net_and_shapes(const fs::path& path) {
  NetFiles files;
  files.net_file = find_net(path);
  const MappedFile mapped(files.net_file);
  json value = read_json(mapped);
  files.storage = take_string(value, "storage", "", mapped.name());
  files.net = net_from(std::move(value), mapped.name());
  const fs::path shape_file = sibling(files.net_file, ".shape");
  if (fs::exists(shape_file)) {
    const MappedFile shapes(shape_file);
    files.net.shapes = shapes_from(read_json(shapes), shapes.name());
  }
  return files;
}

fs::path find_weights(const NetFiles& files) {
  const fs::path beside = sibling(files.net_file, ".weights");
  if (files.storage.empty()) return beside;
  if (fs::path(files.storage).filename() != files.storage)
    throw Error(files.net.file, "storage", "\"" + files.storage + "\" is not the plain name of a file");
  const fs::path named = files.net_file.parent_path() / files.storage;
  // A renamed set of files still carries the old name inside.
  return !fs::exists(named) && fs::exists(beside) ? beside : named;
}

std::set<int64_t> referenced_blobs(const Net& net) {
  std::set<int64_t> ids;
  for (const Layer& layer : net.layers)
    for (const int64_t id : layer.blob_ids(net.file)) ids.insert(id);
  return ids;
}

void attach_weights(Net& net, std::map<int64_t, Blob> blobs) {
  const std::set<int64_t> referenced = referenced_blobs(net);
  std::erase_if(blobs,
                [&](const auto& entry) { return entry.first % 2 == 0 && !referenced.contains(entry.first); });
  net.blobs = std::move(blobs);
  for (const Layer& layer : net.layers)
    for (const int64_t id : layer.blob_ids(net.file)) net.blob(id, layer.name);
}

}  // namespace

Net read_structure(const fs::path& folder) {
  return read_net_and_shapes(folder).net;
}

Net read_folder(const fs::path& folder) {
  NetFiles files = read_net_and_shapes(folder);
  const fs::path weights_file = find_weights(files);
  if (!fs::exists(weights_file)) {
    if (referenced_blobs(files.net).empty()) return std::move(files.net);
    throw Error(files.net.file, "", "its weights file " + weights_file.string() + " does not exist",
                "put the file that belongs to this net there");
  }
  const MappedFile weights(weights_file);
  attach_weights(files.net, read_weights(weights.bytes(), weights.owner(), weights.name()));
  return std::move(files.net);
}

void write_folder(const Net& net, const fs::path& folder) {
  write_file(folder / "model.espresso.weights", write_weights(net.blobs));
  write_file(folder / "model.espresso.shape", to_json(net.shapes).dump(2) + "\n");
  // Last, because a folder is taken for a model once it has this file.
  write_file(folder / "model.espresso.net", to_json(net).dump(2) + "\n");
}

std::map<int64_t, Blob> read_weights(ByteSpan bytes, std::shared_ptr<const void> owner,
                                     const std::string& file) {
  const ByteReader reader(bytes, file);
  const uint64_t count = reader.u64(0, "the number of blobs");
  if (count > (bytes.size() - kTableHeader) / kTableEntry)
    reader.fail(0, "claims " + std::to_string(count) + " blobs, more than the file can hold");
  std::map<int64_t, Blob> blobs;
  std::set<uint64_t> seen;
  uint64_t offset = kTableHeader + count * kTableEntry;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t entry = kTableHeader + i * kTableEntry;
    const uint64_t id = reader.u64(entry, "a blob id"), size = reader.u64(entry + 8, "a blob size");
    // Ids number the table's entries in every file seen; that also bounds what write_weights has to number.
    if (id >= count || !seen.insert(id).second)
      reader.fail(entry, "blob id " + std::to_string(id) + " is out of range or there twice");
    const ByteSpan data = reader.span(offset, size, "a blob");
    if (size != 0) blobs[static_cast<int64_t>(id)] = {owner, data};
    offset += size;
  }
  if (offset != bytes.size()) reader.fail(offset, "bytes after the last blob");
  return blobs;
}

namespace {

struct Placement {
  ByteSpan data;  // empty: a spacer of `zeros` bytes
  uint64_t zeros = 0;
};

// What each id from 0 to the largest one holds: its blob, nothing, or the gap up to the next odd id's aligned
// place.
std::vector<Placement> place_blobs(const std::map<int64_t, Blob>& blobs) {
  std::vector<Placement> table(blobs.empty() ? 0 : static_cast<size_t>(blobs.rbegin()->first) + 1);
  for (const auto& [id, blob] : blobs) table[static_cast<size_t>(id)].data = blob.bytes;
  uint64_t offset = kTableHeader + table.size() * kTableEntry;
  for (size_t id = 0; id < table.size(); ++id) {
    Placement& entry = table[id];
    const bool spacer = id % 2 == 0 && entry.data.empty();
    if (spacer && id + 1 < table.size())
      entry.zeros = (kDataAlignment - offset % kDataAlignment) % kDataAlignment;
    offset += entry.data.size() + entry.zeros;
  }
  return table;
}

}  // namespace

Bytes write_weights(const std::map<int64_t, Blob>& blobs) {
  ensure(blobs.empty() || blobs.begin()->first >= 0, "blob ids are not negative");
  const std::vector<Placement> table = place_blobs(blobs);
  ByteWriter out;
  out.u64(table.size());
  for (size_t id = 0; id < table.size(); ++id) {
    out.u64(id);
    out.u64(table[id].data.size() + table[id].zeros);
  }
  for (const Placement& entry : table) {
    out.bytes(entry.data);
    out.zeros(entry.zeros);
  }
  return out.take();
}

}  // namespace ane::espresso
