// Reading is stb_image's (but for PNM), writing is libpng's; what is ours is to bound what a hostile file can
// ask for before anything is decoded, and to turn both libraries' failures into errors that name the file.

#include "media/image.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "media/pnm.h"
#include "media/stb.h"

namespace ane::media {
namespace {

constexpr int64_t largest_side = 16384;
constexpr int64_t most_pixels = int64_t{1} << 26;

// stb_image fills the rest of a JPEG that ends early with grey. In whole files an end marker follows the last
// start of a scan; inside a scan neither marker can occur, since 0xff is followed by 0 there.
bool is_cut_jpeg(std::string_view bytes) {
  if (!bytes.starts_with("\xff\xd8")) return false;
  const size_t scan = bytes.rfind("\xff\xda");
  return scan == std::string_view::npos || bytes.find("\xff\xd9", scan) == std::string_view::npos;
}

// The channels (1 or 3) to decode into; throws unless the header is one to go on with.
int check_header(ByteSpan bytes, const std::string& name) {
  int width = 0, height = 0, components = 0;
  if (!stbi_info_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &components)) {
    throw Error(name, "header",
                fmt::format("not a picture that can be read here ({})", stbi_failure_reason()),
                "give a PNG, JPEG or binary PNM picture");
  }
  check_size(width, height, name);
  return components <= 2 ? 1 : 3;
}

// Where an output pixel of one axis falls: between `low` and `high`, `weight` of the way.
struct Sample {
  int64_t low, high;
  float weight;
};

std::vector<Sample> samples(int64_t from, int64_t to) {
  std::vector<Sample> result;
  for (int64_t i = 0; i < to; ++i) {
    const double centre =
        (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double position = std::clamp(centre, 0.0, static_cast<double>(from - 1));
    const auto low = static_cast<int64_t>(position);
    result.push_back(
        {low, std::min(low + 1, from - 1), static_cast<float>(position - static_cast<double>(low))});
  }
  return result;
}

uint8_t to_byte(float value) {
  if (!(value > 0)) return 0;
  return static_cast<uint8_t>(std::lround(std::min(value, 255.0f)));
}

int64_t source_channel(int64_t channel, int64_t channels, ChannelOrder order) {
  return order == ChannelOrder::Bgr ? channels - 1 - channel : channel;
}

}  // namespace

void check_size(int64_t width, int64_t height, const std::string& name) {
  if (width <= 0 || height <= 0) throw Error(name, "header", "the picture has no pixels");
  if (width <= largest_side && height <= largest_side && width * height <= most_pixels) return;
  throw Error(name, "header", fmt::format("the picture is {}x{}", width, height),
              fmt::format("at most {} pixels a side and {} in all are read", largest_side, most_pixels));
}

Image read_image(ByteSpan bytes, const std::string& name) {
  if (bytes.empty()) throw Error(name, "", "the file is empty", "give a PNG, JPEG or binary PNM picture");
  if (bytes.size() > size_t{1} << 30) throw Error(name, "", "the file is larger than 1 GiB");
  if (is_pnm(bytes)) return read_pnm(bytes, name);
  const int channels = check_header(bytes, name);
  if (is_cut_jpeg({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    throw Error(name, "pixels", "the picture ends early");
  }
  int width = 0, height = 0, components = 0;
  const std::unique_ptr<uint8_t, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &components,
                            channels),
      stbi_image_free);
  if (!pixels) throw Error(name, "pixels", fmt::format("the picture is damaged ({})", stbi_failure_reason()));
  const int64_t count = int64_t{width} * height * channels;
  return {width, height, channels, {pixels.get(), pixels.get() + count}};
}

Image read_image(const std::filesystem::path& path) {
  const MappedFile file(path);
  return read_image(file.bytes(), file.name());
}

void write_png(const std::filesystem::path& path, const Image& image) {
  ensure(image.channels == 1 || image.channels == 3, "a picture to be written has 1 or 3 channels");
  ensure(static_cast<int64_t>(image.pixels.size()) == image.width * image.height * image.channels,
         "a picture to be written has as many bytes as its size says");
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  Bytes bytes(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t size = bytes.size();
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr)) {
    throw Error(path.string(), "", fmt::format("cannot encode the picture ({})", png.message));
  }
  write_file(path, ByteSpan(bytes).first(size));
}

Image resize_bilinear(const Image& image, int64_t width, int64_t height) {
  Image result{width, height, image.channels, {}};
  result.pixels.reserve(static_cast<size_t>(width * height * image.channels));
  const std::vector<Sample> columns = samples(image.width, width);
  for (const Sample& row : samples(image.height, height)) {
    for (const Sample& column : columns) {
      for (int64_t c = 0; c < image.channels; ++c) {
        const auto at = [&](int64_t y, int64_t x) {
          return static_cast<float>(image.pixels[(y * image.width + x) * image.channels + c]);
        };
        const float top = std::lerp(at(row.low, column.low), at(row.low, column.high), column.weight);
        const float bottom = std::lerp(at(row.high, column.low), at(row.high, column.high), column.weight);
        result.pixels.push_back(to_byte(std::lerp(top, bottom, row.weight)));
      }
    }
  }
  return result;
}

Image to_gray(const Image& image) {
  if (image.channels == 1) return image;
  Image result{image.width, image.height, 1, {}};
  result.pixels.reserve(image.pixels.size() / 3);
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    const uint8_t* rgb = &image.pixels[i];
    result.pixels.push_back(static_cast<uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000));
  }
  return result;
}

std::vector<float> to_planes(const Image& image, ChannelOrder order) {
  const int64_t plane = image.width * image.height;
  std::vector<float> planes(image.pixels.size());
  for (int64_t c = 0; c < image.channels; ++c) {
    const int64_t from = source_channel(c, image.channels, order);
    for (int64_t i = 0; i < plane; ++i) planes[c * plane + i] = image.pixels[i * image.channels + from];
  }
  return planes;
}

Image from_planes(const std::vector<float>& planes, int64_t channels, int64_t height, int64_t width,
                  ChannelOrder order) {
  const int64_t plane = width * height;
  ensure(static_cast<int64_t>(planes.size()) == channels * plane,
         "planes have as many values as their shape says");
  Image image{width, height, channels, std::vector<uint8_t>(planes.size())};
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t to = source_channel(c, channels, order);
    for (int64_t i = 0; i < plane; ++i) image.pixels[i * channels + to] = to_byte(planes[c * plane + i]);
  }
  return image;
}

}  // namespace ane::media
