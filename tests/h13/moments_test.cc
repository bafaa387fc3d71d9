// Means and variances that units will see, against samples.
#include "h13/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace ane::h13 {
namespace {

using aneir::Constant;
using aneir::Neuron;
using aneir::NeuronType;

struct Sample {
  double sum = 0, squares = 0, count = 0;
  void add(double value) { sum += value, squares += value * value, ++count; }
  double mean() const { return sum / count; }
  double variance() const { return squares / count - mean() * mean(); }
};

aneir::Network picture(int64_t channels) {
  aneir::Network network;
  network.inputs = {network.add_tensor("image", {1, 1, channels, 8, 8})};
  return network;
}

std::vector<Moments> estimate_moments(const aneir::Network& network, const Moments& input) {
  std::vector<Moments> all = {input};
  for (const aneir::Unit& unit : network.units) {
    std::vector<const Moments*> bottoms;
    for (const aneir::TensorId id : unit.bottoms) bottoms.push_back(&all[static_cast<size_t>(id)]);
    all.push_back(moments_of(network, unit, bottoms));
  }
  return all;
}

const Moments& last(const std::vector<Moments>& all) {
  return all.back();
}

TEST(Moments, PicturesAreUniform) {
  const Moments moments = picture_moments(3, 2 / 255.0, {-1, -1, 0});
  EXPECT_NEAR(moments.mean[0], 0, 1e-9);
  EXPECT_NEAR(moments.mean[2], 1, 1e-9);
  EXPECT_NEAR(moments.variance[1], 4 / 12.0, 1e-9);
}

// A convolution of two uniform channels, and a ReLU of what comes out.
TEST(Moments, ConvolutionAndReluAreAsSampled) {
  aneir::Network network = picture(2);
  aneir::Conv conv;
  conv.output_channels = 1;
  conv.kernel_width = conv.kernel_height = 2;
  const std::vector<float> weights = {1, -2, 0.5f, 1, -1, -1, 2, 0.25f};
  conv.weights = Constant::of_floats(weights);
  conv.bias = Constant::of_floats({-0.4f});
  conv.activation = Neuron{NeuronType::ReLU};
  network.add_unit("conv", conv, {network.inputs[0]}, "conv");
  const Moments moments = last(estimate_moments(network, picture_moments(2, 1 / 255.0, {})));

  std::mt19937 engine(5);
  std::uniform_real_distribution<double> pixel(0, 1);
  Sample sample;
  for (int i = 0; i < 200000; ++i) {
    double value = -0.4;
    for (const float weight : weights) value += static_cast<double>(weight) * pixel(engine);
    sample.add(std::max(0.0, value));
  }
  // The sum of eight uniform values is not quite normal.
  EXPECT_NEAR(moments.mean[0], sample.mean(), 0.02);
  EXPECT_NEAR(moments.variance[0], sample.variance(), 0.03);
}

TEST(Moments, GroupsSeeTheirOwnChannels) {
  aneir::Network network = picture(2);
  aneir::Conv conv;
  conv.output_channels = conv.groups = 2;
  conv.weights = Constant::of_floats({3, 5});
  network.add_unit("conv", conv, {network.inputs[0]}, "conv");
  const Moments moments = last(estimate_moments(network, {{1, 10}, {2, 4}}));
  EXPECT_EQ(moments.mean, (std::vector<double>{3, 50}));
  EXPECT_EQ(moments.variance, (std::vector<double>{18, 100}));
}

TEST(Moments, ProductsAndSumsOfIndependentValues) {
  aneir::Network network = picture(1);
  const aneir::TensorId image = network.inputs[0];
  network.add_unit("product", aneir::ElementWise{aneir::ElementWiseOp::Mult, 2, false}, {image, image}, "");
  network.add_unit("difference", aneir::ElementWise{aneir::ElementWiseOp::Sub, 1, false}, {1, image}, "");
  const std::vector<Moments> all = estimate_moments(network, {{3}, {2}});
  EXPECT_DOUBLE_EQ(all[1].mean[0], 2 * 9);
  EXPECT_DOUBLE_EQ(all[1].variance[0], 4 * (2 * 2 + 9 * 2 + 9 * 2));
  EXPECT_DOUBLE_EQ(all[2].mean[0], 18 - 3);
  EXPECT_DOUBLE_EQ(all[2].variance[0], all[1].variance[0] + 2);
}

TEST(Moments, LargestOfManyIsAsSampled) {
  aneir::Network network = picture(1);
  aneir::Pooling pooling;
  pooling.kernel_width = pooling.kernel_height = 3;
  network.add_unit("pool", pooling, {network.inputs[0]}, "");
  const Moments moments = last(estimate_moments(network, {{1}, {4}}));
  std::mt19937 engine(6);
  std::normal_distribution<double> value(1, 2);
  Sample sample;
  for (int i = 0; i < 50000; ++i) {
    double largest = -1e9;
    for (int k = 0; k < 9; ++k) largest = std::max(largest, value(engine));
    sample.add(largest);
  }
  EXPECT_NEAR(moments.mean[0], sample.mean(), 0.05);
}

TEST(Moments, WhatMixesChannelsOtherwiseIsUnknown) {
  aneir::Network network = picture(2);
  network.add_unit("reshape", aneir::Reshape{{1, 1, 1, 16, 8}}, {network.inputs[0]}, "");
  network.add_unit("relu", Neuron{NeuronType::ReLU}, {1}, "");
  const std::vector<Moments> all = estimate_moments(network, {{1, 2}, {1, 1}});
  EXPECT_TRUE(all[0].known());
  EXPECT_FALSE(all[1].known());
  EXPECT_FALSE(all[2].known());
}

}  // namespace
}  // namespace ane::h13
