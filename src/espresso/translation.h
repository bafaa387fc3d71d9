// Private to from_coreml: the network under construction and what every layer's translation needs.
//
// A translation is a function of the source layer that appends Espresso layers. The last of them carries the
// source layer's name and output names, as Apple's compiler does it; layers before it (steps) exist where one
// Core ML layer has no single Espresso form, and are named after the source layer with a suffix. A layer that
// cannot be expressed throws Unsupported, which from_coreml collects.
#pragma once

#include <NeuralNetwork.pb.h>

#include <initializer_list>
#include <utility>

#include "coreml/model.h"
#include "espresso/net.h"

namespace ane::espresso {

using SourceLayer = coreml::spec::NeuralNetworkLayer;
using nlohmann::json;

struct Unsupported {
  std::string reason;
};

// Codes of the axes in attributes.
enum AxisCode : int64_t { kAxisW = 0, kAxisH = 1, kAxisK = 2, kAxisN = 3, kAxisSeq = 4 };

struct Translation {
  const coreml::Model& model;
  Net net;
  int64_t next_blob = 1;      // ids are odd
  int64_t made_elements = 0;  // of constants that are in no file
  // Blobs whose elements are known from the model alone, row-major.
  std::map<std::string, std::vector<float>> known = {};
};

// ---- Layers
// ----------------------------------------------------------------------------------------------------------

// The layer that produces the source layer's outputs from `bottoms` (default: its inputs).
Layer& add_layer(Translation& to, const SourceLayer& source, const char* type, json attributes);
Layer& add_layer(Translation& to, const SourceLayer& source, const char* type, json attributes,
                 std::vector<std::string> bottoms);
// A layer before that one. Returns the name of its result, whose shape is `shape`.
std::string add_step(Translation& to, const SourceLayer& source, const std::string& suffix, const char* type,
                     json attributes, std::vector<std::string> bottoms, const Shape& shape);

// Sets these. A list of pairs is what json itself would take for arrays first and copy piece by piece.
void set_attributes(json& attributes, std::initializer_list<std::pair<const char*, json>> values);

// Attributes of elementwise and activation layers; the ones Apple's compiler always writes.
json elementwise(int64_t operation, double alpha = 1, double beta = 0);
json linear(double alpha, double beta);  // activation mode 6: alpha * x + beta
// A transpose layer's, that lays the axis `code` along the channels and these along it.
json exchange_with_channels(int64_t code);

// ---- Shapes
// ----------------------------------------------------------------------------------------------------------

Shape shape_from_coreml(const coreml::Shape& shape, bool exact_rank);
Shape input_shape(const Translation& to, const SourceLayer& source, int index = 0);
Shape output_shape(const Translation& to, const SourceLayer& source, int index = 0);
// The code of axis `axis` (negative: from the end) of a blob with `rank` axes.
int64_t axis_code(int64_t axis, size_t rank);
int64_t& dimension(Shape& shape, int64_t code);

// ---- Numbers and weights
// -----------------------------------------------------------------------------------------------

// JSON has no infinity and no NaN.
double finite(float value);
float or_default(float value, float fallback);  // for parameters whose 0 means "not given"

int64_t add_blob(Translation& to, Blob blob);
int64_t add_floats(Translation& to, std::vector<float> values);
// Float arrays are referred to where they are, others decoded.
Blob float32_blob(const Translation& to, const coreml::spec::WeightParams& weights,
                  const coreml::Shape& shape);
// blob_weights or blob_weights_f16; `channel_axis` as for decode_weights.
void set_weights(Translation& to, json& attributes, const coreml::spec::WeightParams& weights,
                 const coreml::Shape& shape, size_t channel_axis = 0);

// ---- Translations, by topic
// --------------------------------------------------------------------------------------------

// `matrix` [out][in] times the axis `code` of the blob, whose shape is `shape` and becomes the result's: a
// 1x1 convolution with that axis laid along the channels. Gives the result's name.
std::string multiply_axis(Translation& to, const SourceLayer& source, const std::string& suffix,
                          std::string bottom, Shape& shape, int64_t code, std::vector<float> matrix);

// What is folded into a convolution or inner product: layers after it that then disappear.
struct Fusion {
  const coreml::spec::BatchnormLayerParams* batchnorm = nullptr;
  bool relu = false;
  std::string top;  // the last fused layer's output; empty: none fused
};

// from_coreml_weighted.cc
void translate_convolution(Translation& to, const SourceLayer& source, const Fusion& fusion);
void translate_inner_product(Translation& to, const SourceLayer& source, const Fusion& fusion);
void translate_embedding(Translation& to, const SourceLayer& source);
void translate_batchnorm(Translation& to, const SourceLayer& source);
void translate_scale(Translation& to, const SourceLayer& source);
void translate_bias(Translation& to, const SourceLayer& source);
void translate_load_constant(Translation& to, const SourceLayer& source);
// gamma * x + beta per channel, as a batchnorm layer's attributes.
json channel_affine(Translation& to, const std::vector<float>& gamma, const std::vector<float>& beta);

// from_coreml_elementwise.cc: false when the layer is none of these.
bool translate_elementwise(Translation& to, const SourceLayer& source);

// from_coreml_spatial.cc
bool translate_spatial(Translation& to, const SourceLayer& source);

// from_coreml_sampling.cc
bool translate_sampling(Translation& to, const SourceLayer& source);

// from_coreml_exact.cc
bool translate_exact(Translation& to, const SourceLayer& source);

// from_coreml_matrix.cc
bool translate_matrix(Translation& to, const SourceLayer& source);

// from_coreml_recurrent.cc
bool translate_recurrent(Translation& to, const SourceLayer& source);

// from_coreml_selection.cc
bool translate_selection(Translation& to, const SourceLayer& source);
// Notes what is known of the layer's results before the network runs, if anything.
void note_known(Translation& to, const SourceLayer& source);

// from_coreml_structure.cc
bool translate_structure(Translation& to, const SourceLayer& source);

}  // namespace ane::espresso
