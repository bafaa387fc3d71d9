// A Core ML model as the compiler sees it: the protobuf message, checked, and what has to be derived from it.
//
// A .mlmodel is one protobuf message; its generated classes already are a typed in-memory form, so this room
// adds only what the message does not say by itself: which features are images, how a feature's shape becomes
// a tensor, what every blob's shape is, and that every weight array has the size its layer declares. After
// read_model() nobody checks message fields again.
//
// Shapes are in elements, outermost first. Models with rank-5 semantics (all of spec 1-3) have shapes
// [Seq, Batch, C, H, W]; models with EXACT_ARRAY_MAPPING have the shape as declared.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace CoreML::Specification {
class Model;
class NeuralNetworkLayer;
class WeightParams;
}  // namespace CoreML::Specification

namespace ane::coreml {

namespace spec = CoreML::Specification;

using Shape = std::vector<int64_t>;

enum class ModelKind { NeuralNetwork, NeuralNetworkClassifier, NeuralNetworkRegressor };
enum class ColorSpace { Grayscale, Rgb, Bgr };
enum class ArrayType { Float32, Float64, Float16, Int32, Int8 };

// y[c] = scale * x[c] + bias[c] (bias in the channel order of the image), then - mean[c][h][w] where given.
struct Preprocessing {
  float scale = 1.0f;
  std::vector<float> bias;  // one per channel; empty = 0
  std::vector<float> mean;  // C*H*W, row-major; empty = none
};

struct ImageFeature {
  int64_t width = 0, height = 0;
  ColorSpace color_space = ColorSpace::Rgb;
  Preprocessing preprocessing;  // inputs only

  int64_t channels() const { return color_space == ColorSpace::Grayscale ? 1 : 3; }
};

struct ArrayFeature {
  Shape shape;  // as declared (flexible shapes: the default shape); outputs often declare none
  ArrayType type = ArrayType::Float32;
};

struct Feature {
  std::string name;
  bool optional = false;
  std::variant<ArrayFeature, ImageFeature> type;
  Shape tensor;  // the blob's shape in the network

  const ImageFeature* image() const { return std::get_if<ImageFeature>(&type); }
};

struct Model {
  std::string file;                          // for messages
  std::shared_ptr<const spec::Model> proto;  // owns the layers and weights below
  int specification_version = 0;
  ModelKind kind = ModelKind::NeuralNetwork;
  bool exact_rank = false;  // EXACT_ARRAY_MAPPING

  std::vector<Feature> inputs;
  // Those that are blobs of the network, in the order declared. A classifier's probabilities are declared as
  // a dictionary; in its place stands an array feature for the scores blob, named class_scores_blob. A
  // declared array shape that has another number of elements than the blob is dropped (shape empty).
  std::vector<Feature> outputs;

  std::vector<const spec::NeuralNetworkLayer*> layers;  // in execution order
  std::unordered_map<std::string, Shape> shapes;        // of every blob: inputs and every layer's outputs

  // Classifiers: the labels in the order of the score vector, the blob that holds the scores, and the feature
  // names.
  std::vector<std::string> class_labels;
  std::string class_scores_blob, predicted_class_feature, predicted_probabilities_feature;
};

// What a layer can be refused for. All refusals of a model are reported together.
struct Refusal {
  std::string layer, type, reason;
};

// Reads and checks a .mlmodel. Throws Error for damaged or inconsistent files, for model types that hold no
// tensor network (tree ensembles, ... : named), and one Error listing every layer that read_model itself
// cannot understand (custom, control flow: "LAYER (TYPE): REASON" each).
//
// Inputs of flexible shape have their default shape, or the chosen one: by name; for images height and width
// last. Throws Error for names and shapes that the model does not have.
using ChosenShapes = std::map<std::string, Shape>;
Model read_model(const MappedFile& file, const ChosenShapes& shapes = {});
Model read_model(ByteSpan bytes, const std::string& name, const ChosenShapes& shapes = {});

// The same in two steps, for callers that also take other types of models: any model's message, whose fields
// nobody has looked at, and the network in it.
std::shared_ptr<spec::Model> parse_model(ByteSpan bytes, const std::string& name);
Model read_model(const std::shared_ptr<spec::Model>& proto, const std::string& name,
                 const ChosenShapes& shapes = {});

// Shapes of the blobs of a network, of which anything may be damaged or not understood, as far as they follow
// from the inputs and the layers before; of a blob that is written again, that of the last value. `shapes`
// are written into the message. Throws Error for these, as read_model does, and for what is no network.
std::unordered_map<std::string, Shape> blob_shapes(spec::Model& proto, const std::string& name,
                                                   const ChosenShapes& shapes = {});

// The blob that holds a classifier's scores: the named one; where none is named, the one called like the
// probabilities feature, else what the last layer gives. Empty where there is none, and of other models.
std::string scores_blob(const spec::Model& proto);

// What the description of a model says of the images and arrays that an ML Program takes and gives. Its
// tensors are the program's own; Feature::tensor is the shape that a feature has by default, [1, C, H, W] for
// images, and empty where none is declared. Features of other kinds (a classifier's label) are left out.
struct ProgramFeatures {
  std::vector<Feature> inputs, outputs;
};
// Those of one function. Throws Error for shapes and types that no feature can have.
ProgramFeatures program_features(const spec::Model& proto, const std::string& function,
                                 const std::string& file);

// The type of a layer in the words of the Core ML specification, e.g. "convolution", "activation.ReLU".
// and "unknown" when it is none that this version knows.
std::string layer_type(const spec::NeuralNetworkLayer& layer);

// ---- Weights
// -------------------------------------------------------------------------------------------------------

// How many elements a weight array holds; 0 when absent. Codes of less than 8 bits end in a padded byte, so
// their count can come out up to seven too high; the shape that the layer declares is exact.
int64_t weight_count(const spec::WeightParams& weights);
bool is_float16(const spec::WeightParams& weights);

// Decodes any encoding (float32, float16, N-bit linear and look-up table, int8) to float32, in parallel.
// `shape` is the array's shape as its layer declares it, row-major; per-channel scales run along axis
// `channel_axis` (0, but 1 for deconvolution, whose arrays are [in, out / groups, height, width]).
std::vector<float> decode_weights(const spec::WeightParams& weights, const Shape& shape,
                                  size_t channel_axis = 0);

// The same for an array whose axis 0 has `channels` entries and whose count is taken from weight_count(),
// rounded down to a multiple of `channels`: exact for floats and 8 bits.
std::vector<float> decode_weights(const spec::WeightParams& weights, int64_t channels);

// Zero-copy views for the float encodings; empty span when the array is in another encoding.
std::span<const float> float32_weights(const spec::WeightParams& weights);
ByteSpan float16_weights(const spec::WeightParams& weights);

}  // namespace ane::coreml
