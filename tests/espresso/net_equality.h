// Two networks are the same: everything but the file name that messages use.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "espresso/net.h"

namespace ane::test {

inline void expect_equal_blobs(const std::map<int64_t, espresso::Blob>& a,
                               const std::map<int64_t, espresso::Blob>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [id, blob] : a) {
    ASSERT_TRUE(b.contains(id)) << "blob " << id;
    EXPECT_TRUE(std::ranges::equal(blob.bytes, b.at(id).bytes)) << "blob " << id;
  }
}

inline void expect_equal_transforms(const espresso::ImageTransform& a, const espresso::ImageTransform& b) {
  EXPECT_EQ(a.scale, b.scale);
  EXPECT_EQ(a.bias_r, b.bias_r);
  EXPECT_EQ(a.bias_g, b.bias_g);
  EXPECT_EQ(a.bias_b, b.bias_b);
  EXPECT_EQ(a.bias_a, b.bias_a);
  EXPECT_EQ(a.network_is_bgr, b.network_is_bgr);
  EXPECT_EQ(a.center_mean, b.center_mean);
}

inline void expect_equal_nets(const espresso::Net& a, const espresso::Net& b) {
  EXPECT_EQ(a.format_version, b.format_version);
  EXPECT_EQ(a.shapes, b.shapes);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const espresso::Layer &x = a.layers[i], &y = b.layers[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.type, y.type);
    EXPECT_EQ(x.bottoms, y.bottoms);
    EXPECT_EQ(x.tops, y.tops);
    EXPECT_EQ(x.attributes, y.attributes) << x.name;
  }
  ASSERT_EQ(a.transforms.size(), b.transforms.size());
  for (const auto& [input, transform] : a.transforms)
    expect_equal_transforms(transform, b.transforms.at(input));
  expect_equal_blobs(a.blobs, b.blobs);
  // A writer adds an empty "properties", which every real file has.
  nlohmann::json extra_a = a.extra, extra_b = b.extra;
  for (nlohmann::json* extra : {&extra_a, &extra_b})
    if (!extra->contains("properties")) (*extra)["properties"] = nlohmann::json::object();
  EXPECT_EQ(extra_a, extra_b);
}

}  // namespace ane::test
