// Pictures in and out, for people who look at a network's input and output with their eyes.
//
// A network sees planes of numbers; files hold interleaved bytes. This header has both directions and nothing
// that depends on a model: which colour comes first and what is subtracted is the caller's knowledge.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ane::media {

struct Image {
  int64_t width = 0, height = 0;
  int64_t channels = 0;         // 1 = grey, 3 = red, green, blue
  std::vector<uint8_t> pixels;  // interleaved, rows from the top
};

enum class ChannelOrder { Rgb, Bgr };

// Reads PNG, JPEG and binary PNM (P5, P6); which one it is is read from the content. Alpha is dropped, not
// composited, as Core ML does; 16-bit samples keep their upper byte. Grey files give one channel, all others
// three. Throws Error for damaged files, other formats, and pictures of more than 16384 pixels a side or 2^26
// in all.
Image read_image(const std::filesystem::path& path);
Image read_image(ByteSpan bytes, const std::string& name);

void write_png(const std::filesystem::path& path, const Image& image);

// Bilinear with pixel centres at half positions (the common convention of image libraries), edges repeated.
// Shrinking does not average over the pixels in between.
Image resize_bilinear(const Image& image, int64_t width, int64_t height);

// One channel: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded. Grey pictures come back unchanged.
Image to_gray(const Image& image);

// Planes [C, H, W] with values 0..255, and back (rounded to nearest, clamped; NaN becomes 0). `channels` is 1
// or 3. The order says which colour the first of three planes holds.
std::vector<float> to_planes(const Image& image, ChannelOrder order = ChannelOrder::Rgb);
Image from_planes(const std::vector<float>& planes, int64_t channels, int64_t height, int64_t width,
                  ChannelOrder order = ChannelOrder::Rgb);

}  // namespace ane::media
