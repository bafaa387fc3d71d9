// libplist's trees are freed by recursion, and its binary reader copies an object once per reference. Both
// are bottomless on hostile files: ten thousand nested arrays overflow the stack, thirty arrays that hold
// each other twice fill the memory. So the nesting of an XML file, and the depth and expanded size of a
// binary one, are measured first, by scans that allocate next to nothing.
#include "aneir/property_list.h"

#include <plist/plist.h>

#include <memory>
#include <string_view>

#include "base/error.h"

namespace ane::aneir {
namespace {

using nlohmann::json;

constexpr size_t max_file = size_t{64} << 20;
constexpr int max_depth = 64;
constexpr uint64_t max_objects = uint64_t{1} << 23;

struct FreeTree {
  void operator()(void* tree) const { plist_free(tree); }
};
struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Tree = std::unique_ptr<void, FreeTree>;

[[noreturn]] void too_deep(const std::string& file) {
  throw Error(file, "", "nests deeper than " + std::to_string(max_depth) + " levels");
}

// ---- XML
// -------------------------------------------------------------------------------------------------------------

// Skips to behind `end`, or to the end of the text.
size_t behind(std::string_view text, size_t from, std::string_view end) {
  const size_t found = text.find(end, from);
  return found == std::string_view::npos ? text.size() : found + end.size();
}

void check_xml(std::string_view text, const std::string& file) {
  int depth = 0;
  for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<!--")) {
      at = behind(text, at + 4, "-->");
    } else if (rest.starts_with("<![CDATA[")) {
      at = behind(text, at, "]]>");
    } else {
      const size_t end = behind(text, at, ">");
      const std::string_view tag = text.substr(at, end - at);
      if (tag.starts_with("<!") && tag.find('[') != std::string_view::npos) {
        throw Error(file, "", "holds an inline document type definition");
      }
      if (tag.starts_with("</")) {
        --depth;
      } else if (!tag.starts_with("<?") && !tag.starts_with("<!") && !tag.ends_with("/>")) {
        ++depth;
      }
      if (depth > max_depth) too_deep(file);
      if (depth < 0) throw Error(file, "offset " + std::to_string(at), "closes an element that is not open");
      at = end;
    }
  }
}

// ---- Binary
// ----------------------------------------------------------------------------------------------------------

// Depth and number of objects of a binary property list, references followed. The format: "bplist00",
// objects, a table of big-endian offsets, and a trailer of 32 bytes that says where the table is and how wide
// its entries are.
class BinaryScan {
 public:
  BinaryScan(ByteSpan bytes, const std::string& file) : reader_(bytes, file) {
    const uint64_t trailer = bytes.size() < 32 ? 0 : bytes.size() - 32;
    offset_width_ = reader_.read<uint8_t>(trailer + 6, "trailer");
    reference_width_ = reader_.read<uint8_t>(trailer + 7, "trailer");
    count_ = number(trailer + 8, 8);
    root_ = number(trailer + 16, 8);
    table_ = number(trailer + 24, 8);
    const auto legal = [](uint64_t width) { return width >= 1 && width <= 8; };
    if (!legal(offset_width_) || !legal(reference_width_) || count_ > bytes.size() / offset_width_ ||
        table_ > bytes.size()) {
      throw Error(file, "trailer", "is damaged");
    }
    expanded_.resize(count_, unknown);
  }

  void run() { expanded(root_, 0); }

 private:
  static constexpr uint64_t unknown = 0, in_progress = UINT64_MAX;

  uint64_t number(uint64_t offset, uint64_t width) const {
    uint64_t value = 0;
    for (uint8_t byte : reader_.span(offset, width, "number")) value = value << 8 | byte;
    return value;
  }

  // Objects in the tree under `object`, itself included.
  uint64_t expanded(uint64_t object, int depth) {
    if (object >= count_) throw Error(reader_.file(), "", "refers to an object that is not there");
    if (depth > max_depth) too_deep(reader_.file());
    if (expanded_[object] == in_progress) throw Error(reader_.file(), "", "contains itself");
    if (expanded_[object] != unknown) return expanded_[object];
    expanded_[object] = in_progress;
    uint64_t total = 1;
    for (uint64_t child : children(number(table_ + object * offset_width_, offset_width_))) {
      total += expanded(child, depth + 1);
      if (total > max_objects) throw Error(reader_.file(), "", "expands to too many objects");
    }
    return expanded_[object] = total;
  }

  std::vector<uint64_t> children(uint64_t offset) const {
    const auto marker = reader_.read<uint8_t>(offset, "object");
    const int type = marker >> 4;
    constexpr int array = 0xa, set = 0xc, dictionary = 0xd;
    if (type != array && type != set && type != dictionary) return {};
    uint64_t length = marker & 15u, at = offset + 1;
    if (length == 15) {
      const uint64_t width = uint64_t{1} << (reader_.read<uint8_t>(at, "length") & 3u);
      length = number(at + 1, width);
      at += 1 + width;
    }
    if (length > reader_.size()) throw Error(reader_.file(), "", "an array longer than the file");
    if (type == dictionary) length *= 2;
    reader_.span(at, length * reference_width_, "array");
    std::vector<uint64_t> result(length);
    for (uint64_t i = 0; i < length; ++i) result[i] = number(at + i * reference_width_, reference_width_);
    return result;
  }

  ByteReader reader_;
  uint64_t offset_width_ = 0, reference_width_ = 0, count_ = 0, root_ = 0, table_ = 0;
  std::vector<uint64_t> expanded_;
};

// ---- Trees
// -----------------------------------------------------------------------------------------------------------

json to_json(plist_t node, const std::string& file);

json array_to_json(plist_t node, const std::string& file) {
  json result = json::array();
  plist_array_iter raw = nullptr;
  plist_array_new_iter(node, &raw);
  const std::unique_ptr<void, FreeMemory> iterator(raw);
  plist_t item = nullptr;
  for (plist_array_next_item(node, raw, &item); item; plist_array_next_item(node, raw, &item)) {
    result.push_back(to_json(item, file));
  }
  return result;
}

json dictionary_to_json(plist_t node, const std::string& file) {
  json result = json::object();
  plist_dict_iter raw = nullptr;
  plist_dict_new_iter(node, &raw);
  const std::unique_ptr<void, FreeMemory> iterator(raw);
  while (true) {
    char* key = nullptr;
    plist_t item = nullptr;
    plist_dict_next_item(node, raw, &key, &item);
    const std::unique_ptr<char, FreeMemory> owned_key(key);
    if (!item || !key) return result;
    result[key] = to_json(item, file);
  }
}

json to_json(plist_t node, const std::string& file) {
  switch (plist_get_node_type(node)) {
    case PLIST_BOOLEAN: {
      uint8_t value = 0;
      plist_get_bool_val(node, &value);
      return value != 0;
    }
    case PLIST_UINT: {
      uint64_t value = 0;
      plist_get_uint_val(node, &value);
      return static_cast<int64_t>(value);
    }
    case PLIST_REAL: {
      double value = 0;
      plist_get_real_val(node, &value);
      return value;
    }
    case PLIST_STRING: {
      uint64_t length = 0;
      const char* text = plist_get_string_ptr(node, &length);
      return text ? std::string(text, length) : std::string();
    }
    case PLIST_ARRAY:
      return array_to_json(node, file);
    case PLIST_DICT:
      return dictionary_to_json(node, file);
    default:
      throw Error(file, "", "holds a value that is no text, number, truth value, array or dictionary");
  }
}

plist_t to_node(const json& value) {
  if (value.is_object()) {
    plist_t node = plist_new_dict();
    for (const auto& [key, item] : value.items()) plist_dict_set_item(node, key.c_str(), to_node(item));
    return node;
  }
  if (value.is_array()) {
    plist_t node = plist_new_array();
    for (const json& item : value) plist_array_append_item(node, to_node(item));
    return node;
  }
  if (value.is_boolean()) return plist_new_bool(value.get<bool>());
  if (value.is_number_integer()) return plist_new_uint(value.get<uint64_t>());
  if (value.is_number_float()) return plist_new_real(value.get<double>());
  ensure(value.is_string(), "a property list holds only what JSON and it have in common");
  return plist_new_string(value.get_ref<const std::string&>().c_str());
}

void refuse_nul(const json& value) {
  const auto check = [](const std::string& text) {
    if (text.find('\0') != std::string::npos) throw Error("net.plist", text.c_str(), "a name contains NUL");
  };
  if (value.is_string()) check(value.get_ref<const std::string&>());
  if (!value.is_structured()) return;
  for (const auto& [key, item] : value.items()) {
    if (value.is_object()) check(key);
    refuse_nul(item);
  }
}

}  // namespace

json parse_property_list(ByteSpan bytes, const std::string& file) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  if (bytes.empty()) throw Error(file, "", "is empty");
  if (bytes.size() > max_file)
    throw Error(file, "", "is larger than 64 MiB, which no network description is");
  const auto length = static_cast<uint32_t>(bytes.size());
  const std::string_view view(text, length);
  plist_t node = nullptr;
  if (view.starts_with("bplist")) {
    BinaryScan(bytes, file).run();
    plist_from_bin(text, length, &node);
  } else {
    check_xml(view, file);
    plist_from_xml(text, length, &node);
  }
  const Tree tree(node);
  if (!tree) throw Error(file, "", "is not a property list");
  return to_json(node, file);
}

std::string format_property_list(const json& value) {
  refuse_nul(value);
  const Tree tree(to_node(value));
  char* text = nullptr;
  uint32_t length = 0;
  plist_to_xml(tree.get(), &text, &length);
  const std::unique_ptr<char, FreeMemory> owned(text);
  ensure(text != nullptr, "libplist wrote nothing");
  return {text, length};
}

}  // namespace ane::aneir
