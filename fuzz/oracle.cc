// A captured case: its text, the source program in it, and the constant section that is made for both. Cases
// that ask for much honest work are left out.
#include "fuzz.h"
#include "oracle/section.h"

namespace {

constexpr int64_t most_elements = 1 << 16;
constexpr size_t most_bytes = 1 << 20;

bool small(const ane::oracle::Case& of) {
  for (const auto& [name, shape] : of.source.weights)
    if (ane::oracle::count_of(shape) > most_elements) return false;
  return of.file.constants.size() <= most_bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ane;
  static const oracle::Tables tables = oracle::read_tables("");
  return fuzz::read_or_refuse([&] {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::optional<oracle::Case> of = oracle::load_case(oracle::parse_capture(text, "fuzz.oracle", "fuzz"));
    if (of && small(*of)) oracle::fill_with_evidence(*of, oracle::random_constants(*of), tables);
  });
}
