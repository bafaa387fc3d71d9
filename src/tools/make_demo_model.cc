// make_demo_model: writes a small Core ML model whose result can be judged by eye, and a picture to try it
// on.
//
// The model is an edge detector with weights set by hand: brightness gradients across and down (Sobel), each
// as two channels of opposite sign, so that ReLU keeps one of the two and their sum is the absolute value.
// Its output is a grey picture: black where nothing changes, brighter the sharper an edge is.
#include <Model.pb.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "coreml/model.h"
#include "media/image.h"
#include "tools/program.h"

namespace {

using namespace ane;
namespace spec = CoreML::Specification;

constexpr int64_t side = 256;  // pixels, width and height of both pictures

// ---- The model ----

spec::ImageFeatureType* image_feature(spec::FeatureDescription* feature, const char* name,
                                      spec::ImageFeatureType::ColorSpace color) {
  feature->set_name(name);
  spec::ImageFeatureType* image = feature->mutable_type()->mutable_imagetype();
  image->set_width(side);
  image->set_height(side);
  image->set_colorspace(color);
  return image;
}

spec::NeuralNetworkLayer* append_layer(spec::NeuralNetwork* network, const char* input, const char* output) {
  spec::NeuralNetworkLayer* layer = network->add_layers();
  layer->set_name(output);
  layer->add_input(input);
  layer->add_output(output);
  return layer;
}

void set_convolution(spec::ConvolutionLayerParams* params, uint64_t out, uint64_t in, uint64_t kernel,
                     const std::vector<float>& weights) {
  params->set_outputchannels(out);
  params->set_kernelchannels(in);
  params->set_ngroups(1);
  for (int axis = 0; axis < 2; ++axis) {
    params->add_kernelsize(kernel);
    params->add_stride(1);
    params->add_dilationfactor(1);
  }
  params->mutable_same();
  params->mutable_weights()->mutable_floatvalue()->Add(weights.begin(), weights.end());
}

// [4, 3, 3, 3]: gradient to the right, to the left, down and up, of the brightness of red, green and blue.
std::vector<float> gradient_weights() {
  constexpr float brightness[] = {0.299f, 0.587f, 0.114f};  // ITU-R BT.601
  constexpr float step[] = {-1, 0, 1}, smooth[] = {1, 2, 1};
  std::vector<float> weights;
  for (int direction = 0; direction < 4; ++direction)
    for (const float share : brightness)
      for (int row = 0; row < 3; ++row)
        for (int column = 0; column < 3; ++column) {
          const float sobel = direction < 2 ? smooth[row] * step[column] : step[row] * smooth[column];
          weights.push_back((direction % 2 ? -share : share) * sobel);
        }
  return weights;
}

spec::Model edge_detector() {
  spec::Model model;
  model.set_specificationversion(1);
  model.mutable_description()->mutable_metadata()->set_shortdescription("Edges by hand-set weights (Sobel)");
  image_feature(model.mutable_description()->add_input(), "image", spec::ImageFeatureType::RGB);
  image_feature(model.mutable_description()->add_output(), "edges", spec::ImageFeatureType::GRAYSCALE);

  spec::NeuralNetwork* network = model.mutable_neuralnetwork();
  spec::NeuralNetworkPreprocessing* preprocessing = network->add_preprocessing();
  preprocessing->set_featurename("image");
  preprocessing->mutable_scaler()->set_channelscale(1.0f / 255.0f);
  set_convolution(append_layer(network, "image", "gradients")->mutable_convolution(), 4, 3, 3,
                  gradient_weights());
  append_layer(network, "gradients", "strengths")->mutable_activation()->mutable_relu();
  // With brightness 0..1 the two absolute gradients together reach 6 at most, which becomes white.
  const std::vector<float> sum(4, 255.0f / 6.0f);
  set_convolution(append_layer(network, "strengths", "edges")->mutable_convolution(), 1, 4, 1, sum);
  return model;
}

// ---- The picture ----

struct Color {
  double red = 0, green = 0, blue = 0;
};

bool in_rectangle(double x, double y, double left, double top, double right, double bottom) {
  return x >= left && x < right && y >= top && y < bottom;
}

// Shapes on black, which goes on outside the picture (the detector pads with zeros): a house with a window, a
// sun, a ball with soft shading, which should give a faint inside, and a fence of thin posts.
Color scene(double x, double y) {
  if (in_rectangle(x, y, 70, 150, 85, 175)) return {255, 230, 120};                    // window
  if (in_rectangle(x, y, 50, 120, 130, 210)) return {170, 80, 60};                     // wall
  if (y >= 70 && y < 120 && std::abs(x - 90) <= (y - 70) * 1.1) return {90, 40, 110};  // roof
  if (std::hypot(x - 195, y - 60) < 32) return {250, 210, 40};                         // sun
  const double ball = std::hypot(x - 190, y - 165) / 40;
  if (ball < 1) return {60 + 100 * (1 - ball), 110 + 110 * (1 - ball), 200};
  if (in_rectangle(x, y, 20, 222, 236, 244) && std::fmod(x, 12) < 4) return {120, 170, 90};  // fence
  return {};
}

media::Image draw_scene() {
  media::Image image{.width = side, .height = side, .channels = 3, .pixels = {}};
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      const Color color = scene(static_cast<double>(x), static_cast<double>(y));
      for (const double value : {color.red, color.green, color.blue})
        image.pixels.push_back(static_cast<uint8_t>(std::lround(value)));
    }
  return image;
}

int run(const std::filesystem::path& folder) {
  const std::string model = edge_detector().SerializeAsString();
  coreml::read_model(ByteSpan(reinterpret_cast<const uint8_t*>(model.data()), model.size()), "edges.mlmodel");
  std::filesystem::create_directories(folder);
  write_file(folder / "edges.mlmodel", std::string_view(model));
  media::write_png(folder / "edges_input.png", draw_scene());
  fmt::print("{}\n{}\n", (folder / "edges.mlmodel").string(), (folder / "edges_input.png").string());
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder;
  CLI::App app(
      "Writes a small Core ML model, OUT_DIR/edges.mlmodel (an edge detector: RGB picture of 256x256 in, "
      "grey "
      "picture out), and OUT_DIR/edges_input.png to try it on.");
  app.set_version_flag("--version", version_text("make_demo_model"));
  app.add_option("OUT_DIR", folder, "where to write; made when missing")->required();
  return run_program(argc, argv, app, [&] { return run(folder); });
}
