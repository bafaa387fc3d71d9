// Chains of reshapes and transpositions that are a pixel shuffle, through rows longer than the engine's.
#include "passes/check.h"

namespace ane::test {
namespace {

using enum Axis;
using passes::recognise_pixel_shuffle;

EngineFacts small_engine() {
  EngineFacts facts = engine();
  facts.max_width = facts.max_height = 16, facts.max_channels = 64;
  return facts;
}

// An image of C channels, H rows, W columns and blocks of B x B. Its channels are read as `first`, then each
// group of them as blocks in `order`, rows of blocks before columns.
struct Image {
  int64_t c, b, h, w;
};
Network shuffle(const Image& image, const Shape& first, const Transpose& order) {
  const auto [c, b, h, w] = image;
  Net net(chw(c * b * b, h, w));
  net.then(Reshape{first});
  net.then(order);
  net.then(Reshape{chw(w, b, b, c * h)});
  net.then(Transpose{{Batch, Depth, Height, Channel, Width}});
  net.then(Reshape{chw(c, h * b, w * b)});
  return net.done();
}

// As onnx-coreml writes the PixelShuffle of PyTorch.
Network channels_first(const Image& image) {
  return shuffle(image, chw(image.b, image.b, image.h * image.w, image.c),
                 Transpose{{Batch, Depth, Width, Channel, Height}});
}

TEST(RecognisePixelShuffle, ThroughRowsThatAreTooLong) {
  for (const Image& image : {Image{3, 2, 5, 4}, Image{1, 3, 5, 4}, Image{2, 2, 1, 16}, Image{5, 2, 8, 8}}) {
    const Network network = channels_first(image);
    const Network result = after(recognise_pixel_shuffle, network, small_engine());
    EXPECT_EQ(count_of<Reshape>(result), image.h == 1 ? 3 : 0);                 // 16 columns fit
    EXPECT_EQ(types(after(recognise_pixel_shuffle, network)), types(network));  // and so does all of it here
  }
}

// How many reshapes are left of the one whose channels are read so.
int reshapes_left(const Shape& first, const Transpose& order) {
  return count_of<Reshape>(
      after(recognise_pixel_shuffle, shuffle({3, 2, 5, 4}, first, order), small_engine()));
}

TEST(RecognisePixelShuffle, OtherOrdersOfTheSameShapes) {
  // Pixels before channels, and columns of a block before its rows.
  EXPECT_EQ(reshapes_left(chw(2, 3, 20, 2), {{Height, Depth, Width, Batch, Channel}}), 0);
  EXPECT_EQ(reshapes_left(chw(2, 2, 20, 3), {{Batch, Depth, Width, Height, Channel}}), 0);
  // Rows that are no rows of the image.
  EXPECT_EQ(reshapes_left(chw(2, 2, 20, 3), {{Batch, Depth, Height, Width, Channel}}), 3);
}

// What somebody else reads stays beside it, and so do units behind.
TEST(RecognisePixelShuffle, InTheMiddleOfANetwork) {
  Network network = channels_first({3, 2, 5, 4});
  network.outputs = {};
  Net net(chw(3, 1, 1));
  net.network = std::move(network);
  net.last = net.network.units.back().top;
  net.then(Neuron{NeuronType::ReLU});
  Network& done = net.done();
  done.outputs.push_back({"rows", done.units[0].top});
  const Network result = after(recognise_pixel_shuffle, done, small_engine());
  EXPECT_EQ(count_of<Reshape>(result), 1);
  EXPECT_EQ(count_of<Neuron>(result), 1);
}

}  // namespace
}  // namespace ane::test
