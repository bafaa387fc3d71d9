// libplist's trees are freed by recursion, its binary reader copies an object once per reference, and it
// looks up every key and replaces every entity in linear time. All of that is bottomless on hostile files:
// ten thousand nested arrays overflow the stack, thirty arrays that hold each other twice fill the memory, a
// string of entities takes minutes. So the file is measured first, by a scan that allocates next to nothing.
// The limits are several times what the largest real networks (some thousand units) need.
#include "aneir/property_list.h"

#include <plist/plist.h>

#include <array>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace ane::aneir {
namespace {

using nlohmann::json;

constexpr size_t max_file = size_t{16} << 20;
constexpr int max_depth = 64;
constexpr int64_t max_elements_in_file = int64_t{1} << 19;
constexpr int64_t max_keys = int64_t{1} << 16;        // of one dictionary
constexpr size_t max_escaped_text = size_t{1} << 12;  // of one element, where it has entities

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

// ---- XML ----

// Nesting, number of elements and of keys, and the length of texts with entities, without parsing anything
// else.
class XmlScan {
 public:
  XmlScan(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  void run() {
    size_t behind_tag = 0;
    for (size_t at = text_.find('<'); at != std::string_view::npos; at = text_.find('<', at)) {
      const std::string_view rest = text_.substr(at);
      if (rest.starts_with("<!--")) {
        at = behind(at + 4, "-->");
      } else if (rest.starts_with("<![CDATA[")) {
        at = behind(at, "]]>");
      } else {
        check_text(text_.substr(behind_tag, at - behind_tag));
        behind_tag = behind(at, ">");
        check_tag(text_.substr(at, behind_tag - at));
        at = behind_tag;
      }
    }
    check_text(text_.substr(behind_tag));
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw Error(file_, "", why); }

  size_t behind(size_t from, std::string_view end) const {
    const size_t found = text_.find(end, from);
    return found == std::string_view::npos ? text_.size() : found + end.size();
  }

  void check_text(std::string_view content) const {
    const bool escaped = content.size() > max_escaped_text && content.find('&') != std::string_view::npos;
    if (escaped) fail("holds a text with entities that is longer than any name");
  }

  void check_tag(std::string_view tag) {
    if (tag.starts_with("<?")) return;
    if (tag.starts_with("<!")) {
      if (tag.find('[') != std::string_view::npos) fail("holds an inline document type definition");
      return;
    }
    if (tag.starts_with("</")) {
      keys_[static_cast<size_t>(depth_)] = 0;
      if (--depth_ < 0) fail("closes an element that is not open");
      return;
    }
    if (++elements_ > max_elements_in_file) fail("holds more elements than any network has");
    const bool is_key = tag.starts_with("<key");
    if (is_key && ++keys_[static_cast<size_t>(depth_)] > max_keys)
      fail("holds a dictionary with too many keys");
    if (!tag.ends_with("/>") && ++depth_ > max_depth) too_deep(file_);
  }

  std::string_view text_;
  const std::string& file_;
  int depth_ = 0;
  int64_t elements_ = 0;
  std::array<int64_t, max_depth + 1> keys_ = {};  // by depth, of the dictionary open there
};

// ---- Binary ----

// Depth and size of a binary property list when its references are followed. The format: "bplist00",
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
  static constexpr uint64_t cost_of_object = 128, max_cost = max_elements_in_file * cost_of_object;

  uint64_t number(uint64_t offset, uint64_t width) const {
    uint64_t value = 0;
    for (uint8_t byte : reader_.span(offset, width, "number")) value = value << 8 | byte;
    return value;
  }

  // About how many bytes the tree under `object` takes.
  uint64_t expanded(uint64_t object, int depth) {
    if (object >= count_) throw Error(reader_.file(), "", "refers to an object that is not there");
    if (depth > max_depth) too_deep(reader_.file());
    if (expanded_[object] == in_progress) throw Error(reader_.file(), "", "contains itself");
    if (expanded_[object] != unknown) return expanded_[object];
    expanded_[object] = in_progress;
    const Object content = read(number(table_ + object * offset_width_, offset_width_));
    uint64_t total = cost_of_object + content.bytes;
    for (uint64_t child : content.children) {
      total += expanded(child, depth + 1);
      if (total > max_cost) throw Error(reader_.file(), "", "expands to too many objects");
    }
    return expanded_[object] = total;
  }

  struct Object {
    uint64_t bytes = 0;  // of a leaf
    std::vector<uint64_t> children;
  };

  Object read(uint64_t offset) const {
    const auto marker = reader_.read<uint8_t>(offset, "object");
    const int type = marker >> 4;
    constexpr int first_counted = 0x4, array = 0xa, set = 0xc, dictionary = 0xd;
    if (type < first_counted) return {};
    uint64_t length = marker & 15u, at = offset + 1;
    if (length == 15) {
      const uint64_t width = uint64_t{1} << (reader_.read<uint8_t>(at, "length") & 3u);
      length = number(at + 1, width);
      at += 1 + width;
    }
    if (length > reader_.size()) throw Error(reader_.file(), "", "an object longer than the file");
    if (type != array && type != set && type != dictionary) return {2 * length, {}};
    if (type == dictionary) {
      if (length > max_keys) throw Error(reader_.file(), "", "holds a dictionary with too many keys");
      length *= 2;
    }
    reader_.span(at, length * reference_width_, "array");
    Object object;
    for (uint64_t i = 0; i < length; ++i) {
      object.children.push_back(number(at + i * reference_width_, reference_width_));
    }
    return object;
  }

  ByteReader reader_;
  uint64_t offset_width_ = 0, reference_width_ = 0, count_ = 0, root_ = 0, table_ = 0;
  std::vector<uint64_t> expanded_;
};

// ---- Trees ----

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
    throw Error(file, "", "is larger than 16 MiB, which no network description is");
  const auto length = static_cast<uint32_t>(bytes.size());
  const std::string_view view(text, length);
  plist_t node = nullptr;
  if (view.starts_with("bplist")) {
    BinaryScan(bytes, file).run();
    plist_from_bin(text, length, &node);
  } else {
    XmlScan(view, file).run();
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
