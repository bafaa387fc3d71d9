// The .npy format (NumPy enhancement proposal 1): "\x93NUMPY", version, header length, a Python dictionary
// literal with the keys descr, fortran_order and shape, then the elements. The dictionary is parsed as what
// it is, a literal with three kinds of values; nothing is evaluated, and no size is believed before the bytes
// are seen to be there.

#include "media/array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/half.h"

namespace ane::media {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// A cursor over the dictionary literal.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  Header parse() {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<int64_t>> shape;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        descr = string();
      } else if (key == "fortran_order") {
        fortran_order = boolean();
      } else if (key == "shape") {
        shape = tuple();
      } else {
        fail(fmt::format("unknown key '{}'", key));
      }
      if (!accept(',') && peek() != '}') fail("a comma is missing between entries");
    }
    if (!descr || !fortran_order || !shape) fail("descr, fortran_order and shape are not all there");
    return {*descr, *fortran_order, *shape};
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(file_, "header", why, "only arrays of plain numbers, as numpy.save writes them, are read");
  }

  char peek() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool accept(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' expected", c));
  }
  bool accept_word(std::string_view word) {
    peek();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a quoted string expected");
    const size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("a string does not end");
    const std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    if (accept_word("True")) return true;
    if (accept_word("False")) return false;
    fail("True or False expected");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(');
    while (!accept(')')) {
      peek();
      int64_t value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc() || value < 0) fail("a dimension expected");
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      values.push_back(value);
      if (!accept(',') && peek() != ')') fail("a comma is missing in the shape");
    }
    return values;
  }

  std::string_view rest_;
  const std::string& file_;
};

// One element type: its name in the header, its size, and how a run of them becomes floats.
struct ElementType {
  std::string_view descr;
  int64_t size;
  void (*convert)(ByteSpan from, std::span<float> to);
};

template <typename T>
void convert_elements(ByteSpan from, std::span<float> to) {
  for (size_t i = 0; i < to.size(); ++i) {
    T value;
    std::memcpy(&value, from.data() + i * sizeof(T), sizeof(T));
    if constexpr (std::is_same_v<T, Half>) {
      to[i] = to_float(value);
    } else {
      to[i] = static_cast<float>(value);
    }
  }
}

constexpr ElementType element_types[] = {
    {"<f2", 2, convert_elements<Half>},    {"<f4", 4, convert_elements<float>},
    {"<f8", 8, convert_elements<double>},  {"|i1", 1, convert_elements<int8_t>},
    {"|u1", 1, convert_elements<uint8_t>}, {"<i4", 4, convert_elements<int32_t>},
    {"<i8", 8, convert_elements<int64_t>},
};

const ElementType& element_type(const std::string& descr, const std::string& file) {
  for (const ElementType& type : element_types) {
    if (type.descr == descr) return type;
  }
  throw Error(file, "header", fmt::format("elements of type '{}' are not read", descr),
              "save the array as float32, float16, float64, int8, uint8, int32 or int64, little-endian");
}

// The number of elements that the header announces, once `available` bytes are seen to be exactly that many.
int64_t checked_count(const Header& header, int64_t element_size, int64_t available,
                      const std::string& file) {
  int64_t count = 1;
  bool fits = true;
  for (const int64_t dimension : header.shape) {
    fits = fits && !__builtin_mul_overflow(count, dimension, &count);
  }
  if (!fits || available % element_size != 0 || count != available / element_size) {
    throw Error(file, "data",
                fmt::format("the header announces the shape ({}) but {} bytes follow",
                            fmt::join(header.shape, ", "), available));
  }
  return count;
}

// Fortran order runs through the first axis fastest: the row-major array of the reversed shape, transposed.
std::vector<float> from_fortran_order(const std::vector<float>& values, const std::vector<int64_t>& shape) {
  std::vector<float> result(values.size());
  std::vector<int64_t> index(shape.size(), 0);
  for (float& value : result) {
    int64_t offset = 0;
    for (size_t axis = shape.size(); axis-- > 0;) offset = offset * shape[axis] + index[axis];
    value = values[offset];
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace

Array read_npy(ByteSpan bytes, const std::string& name) {
  const ByteReader reader(bytes, name);
  const ByteSpan start = reader.span(0, 8, "the magic number");
  if (std::string_view(reinterpret_cast<const char*>(start.data()), magic.size()) != magic) {
    throw Error(name, "offset 0x0", "this is not a .npy file", "its first bytes would be \"\\x93NUMPY\"");
  }
  const uint8_t version = start[6];
  if (version < 1 || version > 3)
    throw Error(name, "offset 0x6", fmt::format(".npy version {} is unknown", version));
  const uint64_t text_offset = version == 1 ? 10 : 12;
  const uint64_t text_size =
      version == 1 ? reader.read<uint16_t>(8, "the header length") : reader.u32(8, "the header length");
  const ByteSpan text = reader.span(text_offset, text_size, "the header");
  const Header header = HeaderParser({reinterpret_cast<const char*>(text.data()), text.size()}, name).parse();
  const ElementType& type = element_type(header.descr, name);
  const ByteSpan elements = bytes.subspan(text_offset + text_size);
  const int64_t count = checked_count(header, type.size, static_cast<int64_t>(elements.size()), name);
  std::vector<float> data(static_cast<size_t>(count));
  type.convert(elements, data);
  if (header.fortran_order) data = from_fortran_order(data, header.shape);
  return {header.shape, std::move(data)};
}

Array read_npy(const std::filesystem::path& path) {
  const MappedFile file(path);
  return read_npy(file.bytes(), file.name());
}

Bytes encode_npy(const Array& array) {
  int64_t count = 1;
  for (const int64_t dimension : array.shape) count *= dimension;
  ensure(count == static_cast<int64_t>(array.data.size()), "an array has as many elements as its shape says");
  // A tuple of one needs its comma; NumPy accepts it after any last element but one writes none after the
  // others.
  const char* const comma = array.shape.size() == 1 ? "," : "";
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                                   fmt::join(array.shape, ", "), comma);
  // Elements begin at a multiple of 64; the header is padded with blanks and ends with a line feed.
  const int64_t preamble = 10;
  const int64_t total = round_up(preamble + static_cast<int64_t>(header.size()) + 1, 64);
  header.resize(static_cast<size_t>(total - preamble - 1), ' ');
  header += '\n';
  ByteWriter writer;
  writer.text(magic);
  writer.put<uint8_t>(1);
  writer.put<uint8_t>(0);
  writer.put(static_cast<uint16_t>(header.size()));
  writer.text(header);
  writer.bytes({reinterpret_cast<const uint8_t*>(array.data.data()), array.data.size() * sizeof(float)});
  return writer.take();
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  write_file(path, encode_npy(array));
}

std::vector<float> read_raw(const std::filesystem::path& path, RawType type) {
  const MappedFile file(path);
  const size_t element_size = type == RawType::Float32 ? 4 : 2;
  if (file.bytes().size() % element_size != 0) {
    throw Error(file.name(), "",
                fmt::format("{} bytes are not a whole number of {}-byte elements", file.bytes().size(),
                            element_size));
  }
  std::vector<float> values(file.bytes().size() / element_size);
  (type == RawType::Float32 ? convert_elements<float> : convert_elements<Half>)(file.bytes(), values);
  return values;
}

void write_raw(const std::filesystem::path& path, std::span<const float> values, RawType type) {
  if (type == RawType::Float32) {
    write_file(path, ByteSpan(reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()));
    return;
  }
  std::vector<Half> halves(values.size());
  to_half(values, halves);
  write_file(path, ByteSpan(reinterpret_cast<const uint8_t*>(halves.data()), halves.size() * sizeof(Half)));
}

}  // namespace ane::media
