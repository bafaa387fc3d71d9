// The same network as Core ML source and as Apple's compiler translated it: our translation must be theirs.
// Layers, their order, names, types, connections and shapes are equal, attributes wherever both have them,
// weights to the bit, also where a batchnorm was folded into them.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <set>

#include "base/half.h"
#include "coreml/model.h"
#include "espresso/files.h"
#include "espresso/from_coreml.h"
#include "support/evidence.h"

namespace ane::espresso {
namespace {

std::vector<float> floats_of(ByteSpan bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::vector<float> floats_of_halves(ByteSpan bytes) {
  std::vector<Half> halves(bytes.size() / sizeof(Half));
  std::memcpy(halves.data(), bytes.data(), bytes.size());
  std::vector<float> values(halves.size());
  to_float(std::span<const Half>(halves), std::span<float>(values));
  return values;
}

// The distance between neighbouring halves at `value`.
float half_ulp(float value) {
  return std::ldexp(1.0f, std::max(std::ilogb(std::max(std::abs(value), 0x1p-24f)), -14) - 10);
}

struct Comparison {
  size_t arrays = 0, equal = 0;
  double worst_float = 0, worst_half_ulps = 0;  // relative, and in units of the last place
  std::set<std::string> only_ours, only_theirs;

  void floats(std::vector<float> a, std::vector<float> b) {
    // Some writers leave four times the room for biases.
    const size_t count = std::min(a.size(), b.size());
    for (size_t i = count; i < std::max(a.size(), b.size()); ++i) EXPECT_EQ((a.size() > count ? a : b)[i], 0);
    float largest = 0;
    for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(b[i]));
    for (size_t i = 0; i < count; ++i)
      if (a[i] != b[i])
        worst_float =
            std::max<double>(worst_float, std::abs(a[i] - b[i]) / std::max(std::abs(b[i]), largest * 1e-3f));
  }

  void halves(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
      worst_half_ulps = std::max<double>(worst_half_ulps, std::abs(a[i] - b[i]) / half_ulp(b[i]));
  }

  void blob(const std::string& key, const Blob& ours, const Blob& theirs) {
    ++arrays;
    if (std::ranges::equal(ours.bytes, theirs.bytes))
      ++equal;
    else if (key == "blob_weights_f16")
      halves(floats_of_halves(ours.bytes), floats_of_halves(theirs.bytes));
    else
      floats(floats_of(ours.bytes), floats_of(theirs.bytes));
  }

  void layer(const Net& our_net, const Layer& ours, const Net& their_net, const Layer& theirs) {
    EXPECT_EQ(ours.name, theirs.name);
    EXPECT_EQ(ours.type, theirs.type) << theirs.name;
    EXPECT_EQ(ours.bottoms, theirs.bottoms) << theirs.name;
    EXPECT_EQ(ours.tops, theirs.tops) << theirs.name;
    for (const auto& [key, value] : ours.attributes.items()) {
      if (!theirs.attributes.contains(key))
        only_ours.insert(theirs.type + "." + key);
      else if (key.starts_with("blob_"))
        blob(key, our_net.blob(value, ours.name), their_net.blob(theirs.attributes[key], theirs.name));
      else
        EXPECT_EQ(value, theirs.attributes[key]) << theirs.name << " " << key;
    }
    for (const auto& [key, value] : theirs.attributes.items())
      if (!ours.attributes.contains(key)) only_theirs.insert(theirs.type + "." + key);
  }
};

std::filesystem::path only_entry(const std::filesystem::path& folder, const char* extension) {
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == extension) return entry.path();
  return folder;
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  return text;
}

Comparison compare(const std::filesystem::path& models, const std::string& source,
                   const std::string& compiled) {
  const Net ours =
      from_coreml(coreml::read_model(MappedFile(only_entry(models / "neuralnetwork" / source, ".mlmodel"))));
  const Net theirs = read_folder(only_entry(models / "espresso" / compiled, ".mlmodelc"));
  Comparison comparison;
  EXPECT_EQ(ours.layers.size(), theirs.layers.size());
  for (size_t i = 0; i < std::min(ours.layers.size(), theirs.layers.size()); ++i)
    comparison.layer(ours, ours.layers[i], theirs, theirs.layers[i]);
  for (const auto& [blob, shape] : theirs.shapes) {
    Shape expected = shape;
    expected.rank = ours.shape(blob).rank;
    EXPECT_EQ(ours.shape(blob), expected) << blob;
  }
  EXPECT_EQ(ours.shapes.size(), theirs.shapes.size());
  EXPECT_EQ(ours.inputs(), theirs.inputs());
  EXPECT_EQ(ours.outputs(), theirs.outputs());
  // One of the compiled files keeps an unused second copy of a deconvolution's arrays.
  EXPECT_LE(ours.blobs.size(), theirs.blobs.size());
  EXPECT_EQ(ours.transforms.size(), theirs.transforms.size());
  for (const auto& [input, transform] : theirs.transforms) {
    EXPECT_EQ(ours.transforms.at(input).scale, transform.scale);
    EXPECT_EQ(ours.transforms.at(input).bias_r, transform.bias_r);
    EXPECT_EQ(ours.transforms.at(input).bias_g, transform.bias_g);
    EXPECT_EQ(ours.transforms.at(input).bias_b, transform.bias_b);
  }
  std::cout << source << ": " << comparison.equal << " of " << comparison.arrays
            << " arrays equal to the byte, worst f32 " << comparison.worst_float << ", worst f16 "
            << comparison.worst_half_ulps << " ulp\n  only ours:" << joined(comparison.only_ours)
            << "\n  only theirs:" << joined(comparison.only_theirs) << "\n";
  return comparison;
}

TEST(Pairs, PlainConvolutions) {
  ANE_NEED_EVIDENCE("models/espresso/waifu2x-anime-noise0");
  const Comparison comparison =
      compare(test::evidence() / "models", "waifu2x-anime-noise0", "waifu2x-anime-noise0");
  // Weights to the byte; these two files have the biases in four times the room.
  EXPECT_EQ(comparison.equal, 7u);
  EXPECT_EQ(comparison.worst_float, 0);
}

TEST(Pairs, Deconvolution) {
  ANE_NEED_EVIDENCE("models/espresso/waifu2x-up-photo-scale2x");
  const Comparison comparison =
      compare(test::evidence() / "models", "waifu2x-up-photo-scale2x-deconv", "waifu2x-up-photo-scale2x");
  EXPECT_EQ(comparison.equal, 7u);
  EXPECT_EQ(comparison.worst_float, 0);
}

TEST(Pairs, FoldedBatchnorms) {
  ANE_NEED_EVIDENCE("models/espresso/cardscan-four-recognize-f16");
  const Comparison comparison =
      compare(test::evidence() / "models", "cardscan-four-recognize-f16", "cardscan-four-recognize-f16");
  EXPECT_EQ(comparison.equal, comparison.arrays);
}

TEST(Pairs, FoldedBatchnormsWithStatistics) {
  ANE_NEED_EVIDENCE("models/espresso/cardscan-ssd-ocr-f16");
  const Comparison comparison =
      compare(test::evidence() / "models", "cardscan-ssd-ocr-f16", "cardscan-ssd-ocr-f16");
  EXPECT_EQ(comparison.equal, comparison.arrays);
}

}  // namespace
}  // namespace ane::espresso
