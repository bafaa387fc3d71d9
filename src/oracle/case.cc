#include "oracle/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <stdexcept>

#include "base/error.h"
#include "hwx/tiles.h"

namespace ane::oracle {

namespace {

using h13::HeaderField;
using h13::Reg;

constexpr uint64_t most_bytes = uint64_t{1} << 28;  // of constants or scratch; captures have up to 8 MiB
constexpr uint64_t scratch_address = 0x30000000;    // where scratch begins when there is any (docs/hwx.md)

uint64_t number_in(const Capture& capture, const std::string& digits, int base, const char* what) {
  uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || stop != end || value > 0xffffffff)
    throw Error(capture.file, what, fmt::format("'{}' is not a number of 32 bits", digits.substr(0, 40)));
  return value;
}

// A section that the record does not know has the size of an empty one.
uint64_t constant_bytes(const Capture& capture) {
  const std::string size = value_of(capture.line("const"), "size");
  const uint64_t bytes = size.empty() || size == "-" ? 0x4000 : number_in(capture, size, 10, "const size");
  if (bytes > most_bytes) throw Error(capture.file, "const size", "is larger than 256 MiB");
  return bytes;
}

// From the addresses in slot order: the first surface lies behind the scratch memory, if there is any.
uint64_t scratch_bytes(const Capture& capture) {
  std::string resources = value_of(capture.line("program"), "resources");
  if (!resources.starts_with("3")) return 0;
  const uint64_t first =
      number_in(capture, resources.substr(0, resources.find(',')), 16, "program resources");
  if (first < scratch_address || first - scratch_address > most_bytes)
    throw Error(capture.file, "program resources", "the first surface lies where no program has one");
  return first - scratch_address;
}

hwx::Surface surface_of(hwx::Role role, const std::string& name, Dimensions shape, bool boolean,
                        const std::string& file) {
  if (shape.size() > 4) throw Error(file, "tensor " + name, "has more than four axes");
  shape.insert(shape.begin(), 4 - shape.size(), 1);
  hwx::Surface surface;
  surface.role = role;
  surface.symbol = surface.binding = name;
  surface.n = shape[0], surface.c = shape[1], surface.h = shape[2], surface.w = shape[3];
  surface.element_code = boolean ? 3 : 5, surface.element_size = boolean ? 1 : 2;
  hwx::layout(surface);
  return surface;
}

// The output's shape where the source does not say it: that of the "tensor out" line.
Dimensions output_shape(const Capture& capture, const SourceProgram& source) {
  if (!source.operations.back().shape.empty()) return source.operations.back().shape;
  for (const std::string& line : capture.tensors)
    if (line.starts_with("tensor out"))
      if (Dimensions shape = dimensions_in(value_of(line, "shape")); !shape.empty()) return shape;
  throw Error(capture.file, "tensor out", "the output's shape is not recorded");
}

// Surfaces have buffers from 4 on in the order of their names in the source.
void add_surfaces(hwx::File& file, const Capture& capture, const SourceProgram& source) {
  for (const SourceInput& input : source.inputs)
    file.surfaces.push_back(
        surface_of(hwx::Role::Input, input.name, input.shape, input.boolean, capture.file));
  file.surfaces.push_back(surface_of(hwx::Role::Output, source.output, output_shape(capture, source),
                                     source.operations.back().boolean, capture.file));
  for (hwx::Surface& surface : file.surfaces)
    surface.slot = 4 + static_cast<uint32_t>(std::count_if(
                           file.surfaces.begin(), file.surfaces.end(),
                           [&](const hwx::Surface& other) { return other.binding < surface.binding; }));
}

// Cases that were decoded from public files describe their source in prose. These are the programs meant; the
// names are ours and put the surfaces where the files have them (outputs first before macOS 14).
std::string source_line(const Capture& capture) {
  static const std::map<std::string, std::string> of_files{
      {"hwx_allbilly_mul", "b[1,64,1,1], c[1,64,1,1] ; a[1,64,1,1] = mul(b,c) -> a"},
      {"hwx_allbilly_mul_macos14", "a[1,64,1,1], b[1,64,1,1] ; c[1,64,1,1] = mul(a,b) -> c"},
      {"hwx_allbilly_mul_macos26", "a[1,64,1,1], b[1,64,1,1] ; c[1,64,1,1] = mul(a,b) -> c"},
      {"hwx_tinygrad_concat", "b[1,16,1,1], c[1,16384,1,1] ; a[1,16400,1,1] = concat(c,b) -> a"},
      {"hwx_tinygrad_relu", "b[1,1,1,77] ; a[1,1,1,77] = relu(b) -> a"},
      {"hwx_tinygrad_sigmoid", "b[1,1,1,77] ; a[1,1,1,77] = sigmoid(b) -> a"},
      {"hwx_tinygrad_sum", "b[1,64,1,1], c[1,64,1,1] ; a[1,64,1,1] = add(b,c) -> a"}};
  if (const auto found = of_files.find(capture.name); found != of_files.end()) return found->second;
  const std::string& line = capture.line("mil");
  return line.size() > 4 ? line.substr(4) : "";
}

}  // namespace

std::string Case::recorded_hash() const {
  const std::string hash = value_of(capture.line("const"), "sha256");
  const std::string& weights = capture.line("weights");
  // scripts/write_parity.py goes by the same phrases.
  for (const char* computed :
       {"sha derived", "sha256 derived", "const hash derived", "constant section derived"})
    if (weights.find(computed) != std::string::npos) return "";
  return hash.size() == 64 && hash.find_first_not_of('0') != std::string::npos ? hash : "";
}

std::optional<Case> load_case(Capture capture) {
  std::optional<SourceProgram> source = parse_source(source_line(capture), capture.file);
  if (!source) return std::nullopt;
  Case result;
  result.source = std::move(*source);
  result.capture = std::move(capture);
  const Capture& from = result.capture;
  hwx::File& file = result.file;
  file.name = from.file;
  file.dialect = hwx::Dialect::D;
  file.network = "main";
  file.text = stream_of(from);
  file.first_task_words = from.tasks[0].bytes / 4;
  result.tasks = h13::decode_tasks(file.text, file.first_task_words, file.name);
  file.tiles = hwx::constant_tiles(result.tasks);
  file.constants.resize(constant_bytes(from));
  file.scratch_bytes = scratch_bytes(from);
  add_surfaces(file, from, result.source);
  return result;
}

}  // namespace ane::oracle
