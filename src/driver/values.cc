#include "driver/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "base/half.h"
#include "media/array.h"

namespace ane::driver {

namespace {

int64_t count_of(const SidecarFeature& feature) {
  int64_t count = 1;
  for (const int64_t length : feature.shape) count *= length;
  return count;
}

std::vector<float> read_array_file(const std::filesystem::path& path) {
  const std::string suffix = path.extension().string();
  if (suffix == ".npy") return media::read_npy(path).data;
  return media::read_raw(path, suffix == ".f16" ? media::RawType::Float16 : media::RawType::Float32);
}

bool is_array_file(const std::filesystem::path& path) {
  const std::string suffix = path.extension().string();
  return suffix == ".npy" || suffix == ".f32" || suffix == ".f16" || suffix == ".bin" || suffix == ".raw";
}

media::ChannelOrder order_of(const SidecarImage& image) {
  return image.color_space == "bgr" ? media::ChannelOrder::Bgr : media::ChannelOrder::Rgb;
}

std::vector<float> planes_of(const SidecarFeature& feature, media::Image picture) {
  const SidecarImage& image = *feature.image;
  if (picture.width != image.width || picture.height != image.height)
    picture = media::resize_bilinear(picture, image.width, image.height);
  if (image.color_space == "grayscale") return media::to_planes(media::to_gray(picture));
  std::vector<float> planes = media::to_planes(picture, order_of(image));
  if (picture.channels == 3) return planes;
  // A grey picture fills all planes of a colour input.
  const std::vector<float> gray = planes;
  for (int copy = 0; copy < 2; ++copy) planes.insert(planes.end(), gray.begin(), gray.end());
  return planes;
}

// A picture for an array input: [C][H][W] of values 0..1, when the shape says it can be one.
std::vector<float> array_from_picture(const SidecarFeature& feature, const std::filesystem::path& path) {
  const std::vector<int64_t>& shape = feature.shape;
  const size_t rank = shape.size();
  const int64_t channels = rank >= 3 ? shape[rank - 3] : 0;
  if (rank < 3 || (channels != 1 && channels != 3) ||
      count_of(feature) != channels * shape[rank - 2] * shape[rank - 1])
    throw Error(path.string(), "", fmt::format("input {} is no picture", feature.name),
                "give an array (.npy)");
  SidecarFeature as_image = feature;
  as_image.image =
      SidecarImage{channels == 1 ? "grayscale" : "rgb", shape[rank - 1], shape[rank - 2], 1, {}, {}};
  std::vector<float> values = planes_of(as_image, media::read_image(path));
  for (float& value : values) value /= 255.0f;
  return values;
}

}  // namespace

std::map<std::string, std::filesystem::path> match_inputs(const std::vector<std::string>& words,
                                                          const Sidecar& sidecar) {
  std::map<std::string, std::filesystem::path> files;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const bool named = equals != std::string::npos && !std::filesystem::exists(word);
    if (!named && sidecar.inputs.size() != 1)
      throw Error(word, "--input", fmt::format("there are {} inputs", sidecar.inputs.size()),
                  "write NAME=FILE");
    const std::string name = named ? word.substr(0, equals) : sidecar.inputs[0].name;
    if (std::none_of(sidecar.inputs.begin(), sidecar.inputs.end(),
                     [&](const SidecarFeature& feature) { return feature.name == name; }))
      throw Error(word, "--input", "there is no input named " + name);
    files[name] = named ? word.substr(equals + 1) : word;
  }
  return files;
}

std::vector<float> read_input(const SidecarFeature& feature, const std::filesystem::path& path) {
  if (!is_array_file(path))
    return feature.image ? planes_of(feature, media::read_image(path)) : array_from_picture(feature, path);
  const int64_t count = count_of(feature);
  std::vector<float> values = read_array_file(path);
  if (static_cast<int64_t>(values.size()) != count)
    throw Error(path.string(), "",
                fmt::format("holds {} values; input {} takes {}", values.size(), feature.name, count));
  return values;
}

std::vector<float> random_input(const SidecarFeature& feature, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<float> values(static_cast<size_t>(count_of(feature)));
  for (float& value : values) {
    const uint64_t bits = engine();
    value = feature.image          ? static_cast<float>(bits >> 56)
            : feature.indices != 0 ? static_cast<float>(bits % static_cast<uint64_t>(feature.indices))
            : feature.type == "uint8" || feature.type == "int32"
                ? static_cast<float>(bits >> 63)  // as indices, 0 and 1 are seldom too large
                : round_to_half(static_cast<float>(bits >> 40) * 0x1p-23f - 1.0f);
  }
  return values;
}

std::vector<float> to_surface(const SidecarFeature& feature, std::vector<float> values) {
  if (!feature.image) return values;
  const SidecarImage& image = *feature.image;
  const size_t pixels = static_cast<size_t>(image.width * image.height);
  for (size_t i = 0; i < values.size(); ++i) {
    double value = image.scale * static_cast<double>(values[i]);
    if (!image.bias.empty()) value += image.bias[std::min(i / pixels, image.bias.size() - 1)];
    if (!image.mean.empty()) value -= static_cast<double>(image.mean[i]);
    values[i] = static_cast<float>(value);
  }
  return values;
}

media::Image to_image(const SidecarFeature& feature, const std::vector<float>& values) {
  const SidecarImage& image = *feature.image;
  return media::from_planes(values, image.color_space == "grayscale" ? 1 : 3, image.height, image.width,
                            order_of(image));
}

}  // namespace ane::driver
