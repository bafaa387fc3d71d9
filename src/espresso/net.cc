// Access to an Espresso network in memory: attributes by name, the ends of the graph, shapes and weights by
// key.
//
// Attributes come from files, so a wrong type is the file's fault and an Error. Apple's writers mix spellings
// of the same thing (1, 1.0 and true all occur for a flag), so numbers are taken by value, whatever their
// spelling.
#include "espresso/net.h"

#include <cmath>
#include <unordered_set>

#include "base/error.h"

namespace ane::espresso {

namespace {

[[noreturn]] void wrong_type(const Layer& layer, const std::string& key, const char* wanted,
                             const std::string& file) {
  throw Error(file, "layer " + layer.name, "attribute " + key + " is not " + wanted);
}

// nullptr when the layer has no such attribute.
const nlohmann::json* find_attribute(const Layer& layer, const std::string& key) {
  const auto found = layer.attributes.find(key);
  return found == layer.attributes.end() ? nullptr : &*found;
}

int64_t as_integer(const nlohmann::json& value, const Layer& layer, const std::string& key,
                   const std::string& file) {
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)
    wrong_type(layer, key, "a 64-bit integer", file);
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) wrong_type(layer, key, "an integer", file);
  const double number = value.get<double>();
  if (number != std::trunc(number) || std::abs(number) > 0x1p53) wrong_type(layer, key, "an integer", file);
  return static_cast<int64_t>(number);
}

}  // namespace

Blob Blob::copy_of(ByteSpan bytes) {
  auto copy = std::make_shared<Bytes>(bytes.begin(), bytes.end());
  const ByteSpan view(*copy);
  return {std::move(copy), view};
}

Blob Blob::of_floats(std::vector<float> values) {
  auto kept = std::make_shared<std::vector<float>>(std::move(values));
  const ByteSpan view(reinterpret_cast<const uint8_t*>(kept->data()), kept->size() * sizeof(float));
  return {std::move(kept), view};
}

int64_t Layer::integer(const std::string& key, const std::string& file) const {
  const nlohmann::json* value = find_attribute(*this, key);
  if (value == nullptr) throw Error(file, "layer " + name, "a " + type + " layer without " + key);
  return as_integer(*value, *this, key, file);
}

int64_t Layer::integer_or(const std::string& key, int64_t fallback, const std::string& file) const {
  const nlohmann::json* value = find_attribute(*this, key);
  return value == nullptr ? fallback : as_integer(*value, *this, key, file);
}

double Layer::number_or(const std::string& key, double fallback, const std::string& file) const {
  const nlohmann::json* value = find_attribute(*this, key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>() ? 1 : 0;
  if (!value->is_number()) wrong_type(*this, key, "a number", file);
  return value->get<double>();
}

std::vector<int64_t> Layer::blob_ids(const std::string& file) const {
  std::vector<int64_t> ids;
  for (const auto& [key, value] : attributes.items())
    if (key.starts_with("blob_") || key.ends_with("_blob")) ids.push_back(integer(key, file));
  const nlohmann::json* roles = find_attribute(*this, "weights");
  if (roles == nullptr) return ids;
  if (!roles->is_object()) wrong_type(*this, "weights", "an object", file);
  for (const auto& [role, value] : roles->items())
    ids.push_back(as_integer(value, *this, "weights." + role, file));
  return ids;
}

bool Layer::is_output() const {
  const nlohmann::json* marks = find_attribute(*this, "attributes");
  if (marks == nullptr || !marks->is_object()) return false;
  const auto mark = marks->find("is_output");
  return mark != marks->end() && (*mark == 1 || *mark == true);
}

std::vector<std::string> Net::inputs() const {
  std::unordered_set<std::string> known;
  for (const Layer& layer : layers) known.insert(layer.tops.begin(), layer.tops.end());
  std::vector<std::string> names;
  for (const Layer& layer : layers)
    for (const std::string& bottom : layer.bottoms)
      if (known.insert(bottom).second) names.push_back(bottom);
  return names;
}

std::vector<std::string> Net::outputs() const {
  std::unordered_set<std::string> consumed;
  bool any_marked = false;
  for (const Layer& layer : layers) {
    consumed.insert(layer.bottoms.begin(), layer.bottoms.end());
    any_marked |= layer.is_output();
  }
  std::vector<std::string> names;
  for (const Layer& layer : layers)
    for (const std::string& top : layer.tops)
      if (any_marked ? layer.is_output() : !consumed.contains(top)) names.push_back(top);
  return names;
}

const Shape& Net::shape(const std::string& blob) const {
  const auto found = shapes.find(blob);
  if (found == shapes.end())
    throw Error(file, "blob " + blob, "no shape is known", "keep the .shape file beside it");
  return found->second;
}

const Blob& Net::blob(int64_t id, const std::string& layer) const {
  const auto found = blobs.find(id);
  if (found == blobs.end())
    throw Error(file, "layer " + layer,
                "refers to blob " + std::to_string(id) + ", which the weights file lacks");
  return found->second;
}

}  // namespace ane::espresso
