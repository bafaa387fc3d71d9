// LZFSE, as system models use it for their nets: LZ77 whose literals and (literal count, match length,
// distance) triples are coded by finite state entropy, each symbol stream with a table normalised to a power
// of two of states.
//
// No packaged library decodes it, and all that is wanted is to expand a JSON text of some hundred kilobytes,
// so this decoder is written for being small and safe: a stream is a bit string with a position, every count
// is checked against what a block may hold, and the output grows only as it is produced (a small file that
// claims gigabytes fails before it costs any). Blocks of kind bvx2 (compressed), bvx- (raw) and bvx$ (end)
// are what such files hold; bvx1 and bvxn (LZVN, another format under the same name) were never seen in one
// and are refused by name.
#include "espresso/lzfse.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/error.h"

namespace ane::espresso {

namespace {

constexpr uint64_t kLargestText = uint64_t{256} << 20;

constexpr int kLengthSymbols = 20, kDistanceSymbols = 64, kLiteralSymbols = 256;
constexpr uint32_t kLengthStates = 64, kDistanceStates = 256, kLiteralStates = 1024;
constexpr uint32_t kMostLiterals = 40000, kMostMatches = 10000;  // per block
constexpr uint64_t kFixedHeader = 32;                            // of a bvx2 block, before the frequencies

[[noreturn]] void damaged(const std::string& file, const char* why) {
  throw Error(file, "LZFSE data", why);
}

// `size` bits of `word` from bit `first`.
uint32_t field(uint64_t word, int first, int size) {
  return static_cast<uint32_t>(word >> first & ((uint64_t{1} << size) - 1));
}

// ---- Entropy coding
// ----------------------------------------------------------------------------------------------------

// A payload read from its end: pull() takes the bits just below the position.
class BackwardBits {
 public:
  // `unused`: bits of the last byte that do not belong to the stream.
  BackwardBits(ByteSpan bytes, uint32_t unused, const std::string& file)
      : bytes_(bytes), position_(static_cast<int64_t>(bytes.size()) * 8 - unused), file_(file) {}

  uint32_t pull(int count) {
    position_ -= count;
    if (position_ < 0) damaged(file_, "a bit stream ends early");
    uint64_t word = 0;
    const auto first = static_cast<size_t>(position_ / 8);
    std::memcpy(&word, bytes_.data() + first, std::min<size_t>(sizeof(word), bytes_.size() - first));
    return field(word, static_cast<int>(position_ % 8), count);
  }

 private:
  ByteSpan bytes_;
  int64_t position_;
  const std::string& file_;
};

// What a state stands for, and how the next one is found: next_base + the value of state_bits pulled bits.
struct State {
  uint8_t symbol = 0;
  uint8_t state_bits = 0;
  uint16_t next_base = 0;
};

// The symbols share the states in order, each as many as its frequency. Going back to a symbol with frequency
// f takes the number of bits that brings f..2f-1 up to the range of all states; the first few of its states
// take one more.
std::vector<State> build_states(std::span<const uint16_t> frequencies, uint32_t states,
                                const std::string& file) {
  std::vector<State> table;
  table.reserve(states);
  for (size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    const uint32_t frequency = frequencies[symbol];
    if (frequency == 0) continue;
    if (frequency > states - table.size()) damaged(file, "symbol frequencies exceed the number of states");
    const int bits = std::bit_width(states) - std::bit_width(frequency);
    const uint32_t longer = (2 * states >> bits) - frequency;
    for (uint32_t i = 0; i < frequency; ++i) {
      const bool is_longer = i < longer;
      const uint32_t base = is_longer ? ((frequency + i) << bits) - states : (i - longer) << (bits - 1);
      table.push_back({static_cast<uint8_t>(symbol), static_cast<uint8_t>(is_longer ? bits : bits - 1),
                       static_cast<uint16_t>(base)});
    }
  }
  if (table.size() != states) damaged(file, "symbol frequencies do not fill the states");
  return table;
}

class Decoder {
 public:
  Decoder(std::span<const uint16_t> frequencies, uint32_t states, const std::string& file)
      : table_(build_states(frequencies, states, file)), file_(file) {}

  // Symbol of `state`, which moves on.
  uint8_t next(uint32_t& state, BackwardBits& bits) const {
    if (state >= table_.size()) damaged(file_, "a state out of range");
    const State& entry = table_[state];
    state = entry.next_base + bits.pull(entry.state_bits);
    return entry.symbol;
  }

 private:
  std::vector<State> table_;
  const std::string& file_;
};

// ---- Symbols of the triples
// --------------------------------------------------------------------------------------------

// A value is base + the value of extra_bits bits.
struct Range {
  int extra_bits = 0;
  uint32_t base = 0;
};

template <size_t N>
constexpr std::array<Range, N> ranges_of(auto extra_bits_of) {
  std::array<Range, N> ranges{};
  uint32_t base = 0;
  for (size_t symbol = 0; symbol < N; ++symbol) {
    ranges[symbol] = {extra_bits_of(symbol), base};
    base += uint32_t{1} << ranges[symbol].extra_bits;
  }
  return ranges;
}

constexpr auto length_ranges(std::array<int, 4> last) {
  return ranges_of<kLengthSymbols>([last](size_t symbol) { return symbol < 16 ? 0 : last[symbol - 16]; });
}
constexpr auto kLiteralCounts = length_ranges({2, 3, 5, 8});
constexpr auto kMatchLengths = length_ranges({3, 5, 8, 11});
constexpr auto kDistances =
    ranges_of<kDistanceSymbols>([](size_t symbol) { return static_cast<int>(symbol / 4); });
static_assert(kLiteralCounts[19].base == 60 && kMatchLengths[19].base == 312 && kDistances[8].base == 12);

// ---- Compressed block
// --------------------------------------------------------------------------------------------------

struct BlockHeader {
  uint32_t raw_bytes = 0, literals = 0, literal_bytes = 0, matches = 0, triple_bytes = 0, header_bytes = 0;
  uint32_t literal_unused = 0, triple_unused = 0;  // bits in the last byte of each payload
  std::array<uint32_t, 4> literal_states{};
  uint32_t literal_count_state = 0, match_state = 0, distance_state = 0;
};

BlockHeader read_header(const ByteReader& in, uint64_t offset) {
  const uint64_t literals = in.u64(offset + 8, "a block header"),
                 triples = in.u64(offset + 16, "a block header"),
                 states = in.u64(offset + 24, "a block header");
  BlockHeader header;
  header.raw_bytes = in.u32(offset + 4, "a block header");
  header.literals = field(literals, 0, 20);
  header.literal_bytes = field(literals, 20, 20);
  header.matches = field(literals, 40, 20);
  header.literal_unused = 7 - field(literals, 60, 3);
  for (int i = 0; i < 4; ++i) header.literal_states[static_cast<size_t>(i)] = field(triples, 10 * i, 10);
  header.triple_bytes = field(triples, 40, 20);
  header.triple_unused = 7 - field(triples, 60, 3);
  header.header_bytes = field(states, 0, 32);
  header.literal_count_state = field(states, 32, 10);
  header.match_state = field(states, 42, 10);
  header.distance_state = field(states, 52, 10);
  const bool fits = header.literals <= kMostLiterals && header.literals % 4 == 0 &&
                    header.matches <= kMostMatches && header.header_bytes >= kFixedHeader;
  if (!fits) damaged(in.file(), "a block header out of range");
  return header;
}

struct Frequencies {
  std::array<uint16_t, kLengthSymbols> literal_counts{}, matches{};
  std::array<uint16_t, kDistanceSymbols> distances{};
  std::array<uint16_t, kLiteralSymbols> literals{};
};

// A frequency in its prefix code (lowest bit first): 2 bits for 0 and 1, 3 for 2 and 3, 5 for 4 to 7, 8 for 8
// to 23, 14 beyond. Returns its value; `used` is the number of bits.
uint16_t frequency_at(uint32_t bits, int& used) {
  if ((bits & 1) == 0) return used = 2, static_cast<uint16_t>(bits >> 1 & 1);
  if ((bits & 3) == 1) return used = 3, static_cast<uint16_t>(2 + (bits >> 2 & 1));
  if ((bits & 7) == 3) return used = 5, static_cast<uint16_t>(4 + (bits >> 3 & 3));
  if ((bits & 15) == 7) return used = 8, static_cast<uint16_t>(8 + (bits >> 4 & 15));
  return used = 14, static_cast<uint16_t>(24 + (bits >> 4 & 1023));
}

Frequencies read_frequencies(ByteSpan bytes, const std::string& file) {
  Frequencies frequencies;
  size_t position = 0;  // in bits
  const auto read = [&](auto& table) {
    for (uint16_t& value : table) {
      uint32_t window = 0;
      const size_t first = position / 8;
      if (first < bytes.size())
        std::memcpy(&window, bytes.data() + first, std::min<size_t>(4, bytes.size() - first));
      int used = 0;
      value = frequency_at(window >> position % 8, used);
      position += static_cast<size_t>(used);
      if (position > bytes.size() * 8) damaged(file, "the frequency tables end early");
    }
  };
  read(frequencies.literal_counts);
  read(frequencies.matches);
  read(frequencies.distances);
  read(frequencies.literals);
  return frequencies;
}

Bytes read_literals(const BlockHeader& header, const Frequencies& frequencies, ByteSpan payload,
                    const std::string& file) {
  const Decoder decoder(frequencies.literals, kLiteralStates, file);
  BackwardBits bits(payload, header.literal_unused, file);
  std::array<uint32_t, 4> states = header.literal_states;
  Bytes literals(header.literals);
  for (size_t i = 0; i < literals.size(); ++i) literals[i] = decoder.next(states[i % 4], bits);
  return literals;
}

// Appends `length` bytes from `distance` back; the two may overlap.
void copy_match(Bytes& out, uint32_t length, uint32_t distance, uint64_t limit, const std::string& file) {
  if (length == 0) return;
  if (distance == 0 || distance > out.size()) damaged(file, "a match reaches before the start");
  if (length > limit - out.size()) damaged(file, "expands to more than it declares");
  for (uint32_t i = 0; i < length; ++i) out.push_back(out[out.size() - distance]);
}

void replay_matches(const BlockHeader& header, const Frequencies& frequencies, ByteSpan payload,
                    ByteSpan literals, uint64_t limit, Bytes& out, const std::string& file) {
  const Decoder literal_counts(frequencies.literal_counts, kLengthStates, file);
  const Decoder lengths(frequencies.matches, kLengthStates, file);
  const Decoder distances(frequencies.distances, kDistanceStates, file);
  BackwardBits bits(payload, header.triple_unused, file);
  uint32_t count_state = header.literal_count_state, length_state = header.match_state,
           distance_state = header.distance_state;
  // The extra bits of a value lie below the bits of its next state.
  const auto value = [&bits](const Decoder& decoder, uint32_t& state, std::span<const Range> ranges) {
    const Range range = ranges[decoder.next(state, bits)];
    return range.base + bits.pull(range.extra_bits);
  };
  uint32_t distance = 0;
  for (uint32_t i = 0; i < header.matches; ++i) {
    const uint32_t count = value(literal_counts, count_state, kLiteralCounts);
    const uint32_t length = value(lengths, length_state, kMatchLengths);
    const uint32_t new_distance = value(distances, distance_state, kDistances);
    if (new_distance != 0) distance = new_distance;  // 0 repeats the last one
    if (count > literals.size()) damaged(file, "uses more literals than it holds");
    if (count > limit - out.size()) damaged(file, "expands to more than it declares");
    out.insert(out.end(), literals.begin(), literals.begin() + count);
    literals = literals.subspan(count);
    copy_match(out, length, distance, limit, file);
  }
}

// Expands the bvx2 block at `offset`; returns the offset after it.
uint64_t expand_block(const ByteReader& in, uint64_t offset, uint64_t raw_size, Bytes& out) {
  const BlockHeader header = read_header(in, offset);
  if (header.raw_bytes > raw_size - out.size()) damaged(in.file(), "expands to more than it declares");
  const uint64_t limit = out.size() + header.raw_bytes;
  const ByteSpan tables =
      in.span(offset + kFixedHeader, header.header_bytes - kFixedHeader, "the frequency tables");
  const uint64_t literals_at = offset + header.header_bytes, triples_at = literals_at + header.literal_bytes;
  const ByteSpan literal_payload = in.span(literals_at, header.literal_bytes, "the literals");
  const ByteSpan triple_payload = in.span(triples_at, header.triple_bytes, "the matches");
  const Frequencies frequencies = read_frequencies(tables, in.file());
  const Bytes literals = read_literals(header, frequencies, literal_payload, in.file());
  replay_matches(header, frequencies, triple_payload, literals, limit, out, in.file());
  if (out.size() != limit) damaged(in.file(), "a block expands to less than it declares");
  return triples_at + header.triple_bytes;
}

// Copies the bvx- block at `offset`; returns the offset after it.
uint64_t copy_raw_block(const ByteReader& in, uint64_t offset, uint64_t raw_size, Bytes& out) {
  const uint32_t size = in.u32(offset + 4, "a raw block");
  if (size > raw_size - out.size()) damaged(in.file(), "expands to more than it declares");
  const ByteSpan data = in.span(offset + 8, size, "a raw block");
  out.insert(out.end(), data.begin(), data.end());
  return offset + 8 + size;
}

uint64_t big_endian_u64(const ByteReader& in, uint64_t offset, const char* what) {
  return __builtin_bswap64(in.u64(offset, what));
}

}  // namespace

Bytes expand_lzfse(ByteSpan stream, uint64_t raw_size, const std::string& file) {
  const ByteReader in(stream, file);
  Bytes out;
  for (uint64_t offset = 0;;) {
    const ByteSpan magic = in.span(offset, 4, "an LZFSE block");
    const std::string_view kind(reinterpret_cast<const char*>(magic.data()), magic.size());
    if (kind == "bvx$") {
      if (offset + 4 != stream.size()) damaged(file, "bytes after the end mark");
      break;
    }
    if (kind == "bvx2")
      offset = expand_block(in, offset, raw_size, out);
    else if (kind == "bvx-")
      offset = copy_raw_block(in, offset, raw_size, out);
    else if (kind == "bvxn" || kind == "bvx1")
      damaged(file, "blocks of kind bvxn (LZVN) and bvx1 are not supported");
    else
      damaged(file, "unknown kind of block");
  }
  if (out.size() != raw_size) damaged(file, "expands to less than it declares");
  return out;
}

Bytes expand_pbze(ByteSpan bytes, const std::string& file) {
  const ByteReader in(bytes, file);
  constexpr uint64_t kContainerHeader = 12, kBlockHeader = 16;
  in.span(0, kContainerHeader, "the pbze header");
  Bytes out;
  for (uint64_t offset = kContainerHeader; offset < bytes.size();) {
    const uint64_t raw_size = big_endian_u64(in, offset, "a pbze block");
    const uint64_t stored_size = big_endian_u64(in, offset + 8, "a pbze block");
    if (raw_size > kLargestText - out.size()) throw Error(file, "", "expands to more than 256 MiB");
    const Bytes block =
        expand_lzfse(in.span(offset + kBlockHeader, stored_size, "a pbze block"), raw_size, file);
    out.insert(out.end(), block.begin(), block.end());
    offset += kBlockHeader + stored_size;
  }
  return out;
}

}  // namespace ane::espresso
