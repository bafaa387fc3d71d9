// The header is text (magic number, width, height, maximum, each set off by blanks or # comments), one blank
// follows, then come samples of one byte, or of two bytes, big-endian, where the maximum exceeds 255.

#include "media/pnm.h"

#include <fmt/format.h>

#include <cctype>

#include "base/error.h"

namespace ane::media {
namespace {

class HeaderReader {
 public:
  HeaderReader(const ByteReader& reader, uint64_t offset) : reader_(reader), offset_(offset) {}

  uint64_t offset() const { return offset_; }
  void skip_one() { ++offset_; }

  int64_t number(const char* what) {
    skip_blanks(what);
    int64_t value = 0;
    int digits = 0;
    for (; std::isdigit(at(what)); ++offset_) {
      if (++digits > 9) reader_.fail(offset_, fmt::format("{} is too large", what));
      value = value * 10 + (at(what) - '0');
    }
    if (digits == 0) reader_.fail(offset_, fmt::format("{} is not a number", what));
    return value;
  }

 private:
  uint8_t at(const char* what) const { return reader_.read<uint8_t>(offset_, what); }

  void skip_blanks(const char* what) {
    for (;; ++offset_) {
      if (at(what) == '#') {
        while (at(what) != '\n') ++offset_;
      } else if (!std::isspace(at(what))) {
        return;
      }
    }
  }

  const ByteReader& reader_;
  uint64_t offset_;
};

}  // namespace

bool is_pnm(ByteSpan bytes) {
  return bytes.size() >= 2 && bytes[0] == 'P' && (bytes[1] == '5' || bytes[1] == '6');
}

Image read_pnm(ByteSpan bytes, const std::string& name) {
  const ByteReader reader(bytes, name);
  HeaderReader header(reader, 2);
  Image image;
  image.channels = bytes[1] == '5' ? 1 : 3;
  image.width = header.number("the width");
  image.height = header.number("the height");
  const int64_t maximum = header.number("the maximum");
  if (maximum < 1 || maximum > 65535) reader.fail(header.offset(), "the maximum is not within 1..65535");
  check_size(image.width, image.height, name);
  header.skip_one();
  const int64_t sample_size = maximum > 255 ? 2 : 1;
  const int64_t count = image.width * image.height * image.channels;
  const ByteSpan samples =
      reader.span(header.offset(), static_cast<uint64_t>(count * sample_size), "the picture");
  image.pixels.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = sample_size == 1 ? samples[i] : samples[2 * i] * 256 + samples[2 * i + 1];
    image.pixels[i] = static_cast<uint8_t>((std::min(sample, maximum) * 255 + maximum / 2) / maximum);
  }
  return image;
}

}  // namespace ane::media
