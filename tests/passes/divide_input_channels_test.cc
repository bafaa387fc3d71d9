// Convolutions whose rows do not fit on chip in all channels.
#include "passes/check.h"

namespace ane::test {
namespace {

using passes::divide_input_channels;

// Room for so many numbers in all rows that a window sees.
EngineFacts engine_with(int64_t numbers) {
  EngineFacts facts = engine();
  facts.fits_on_chip = [numbers](const Conv& conv, const Shape& source, const Shape&) {
    return source.c * source.w * conv.kernel_height <= numbers;
  };
  return facts;
}

Network convolution(int64_t channels, std::optional<Neuron> activation) {
  Net net(chw(channels, 9, 10));
  Conv conv = net.conv(4, 3, 3);
  conv.pad_left = conv.pad_top = conv.pad_right = conv.pad_bottom = 1;
  conv.bias = net.constant(4);
  conv.activation = activation;
  net.then(std::move(conv));
  return net.done();
}

TEST(DivideInputChannels, AsManyPartsAsNeeded) {
  const Network network = convolution(7, std::nullopt);
  EXPECT_EQ(types(after(divide_input_channels, network, engine_with(7 * 10 * 3))), "Conv");
  const Network two = after(divide_input_channels, network, engine_with(7 * 10 * 3 - 1));
  EXPECT_EQ(count_of<Conv>(two), 2);
  EXPECT_EQ(count_of<ElementWise>(two), 1);
  const Network seven = after(divide_input_channels, network, engine_with(10 * 3));
  EXPECT_EQ(count_of<Conv>(seven), 7);
  EXPECT_EQ(count_of<ElementWise>(seven), 6);
}

TEST(DivideInputChannels, WhatCannotFitStays) {
  EXPECT_EQ(types(after(divide_input_channels, convolution(7, std::nullopt), engine_with(10 * 3 - 1))),
            "Conv");
}

TEST(DivideInputChannels, TheActivationComesLast) {
  const Network relu =
      after(divide_input_channels, convolution(4, Neuron{NeuronType::ReLU}), engine_with(60));
  EXPECT_EQ(count_of<Neuron>(relu), 0);
  const Network sigmoid =
      after(divide_input_channels, convolution(4, Neuron{NeuronType::Sigmoid}), engine_with(60));
  EXPECT_EQ(type_name(sigmoid.units.back()), std::string("Neuron"));
}

}  // namespace
}  // namespace ane::test
