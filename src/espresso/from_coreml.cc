// A Core ML network becomes an Espresso network, the way Apple's compiler does it as far as compiled networks
// show.
//
// One layer becomes one layer of the same name, with these exceptions. A batchnorm after a convolution is
// folded into its weights, and a ReLU after a convolution (or its batchnorm) or an inner product becomes a
// flag; both only when nothing else reads the blob between them and it is no result of the network. A layer
// without a single Espresso form becomes a short chain (translation.h).
//
// Attribute names and numbers that no compiled network shows come from public descriptions of the format;
// docs/espresso.md says which. Where neither exists, the layer is refused: a made-up attribute would only be
// understood by ourselves.
//
// A mean image has no place in the format; whoever feeds the network subtracts it first.
#include "espresso/from_coreml.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/refused_layers.h"
#include "espresso/outputs.h"
#include "espresso/translation.h"

namespace ane::espresso {

namespace {

// Who reads each blob, and which blobs are results.
struct Readers {
  std::unordered_map<std::string, std::vector<const SourceLayer*>> of;
  std::set<std::string> results;

  // The layer that alone reads `blob`; nullptr when there are others or it is a result.
  const SourceLayer* only(const std::string& blob) const {
    const auto found = of.find(blob);
    return found == of.end() || found->second.size() != 1 || results.contains(blob) ? nullptr
                                                                                    : found->second[0];
  }
};

Readers find_readers(const coreml::Model& model) {
  Readers readers;
  for (const SourceLayer* layer : model.layers)
    for (const std::string& input : layer->input()) readers.of[input].push_back(layer);
  for (const coreml::Feature& output : model.outputs) readers.results.insert(output.name);
  return readers;
}

// ---- Fusion
// --------------------------------------------------------------------------------------------------------------

bool is_foldable_batchnorm(const SourceLayer* layer) {
  return layer != nullptr && layer->has_batchnorm() && !layer->batchnorm().computemeanvar();
}

bool is_relu(const SourceLayer* layer) {
  return layer != nullptr && layer->has_activation() && layer->activation().has_relu();
}

// What can be folded into `layer`; the layers folded are added to `folded`.
Fusion fuse(const SourceLayer& layer, const Readers& readers, std::set<const SourceLayer*>& folded) {
  Fusion fusion;
  const bool is_convolution = layer.has_convolution() && !layer.convolution().isdeconvolution();
  if (!is_convolution && !layer.has_innerproduct()) return fusion;
  const auto take = [&](const SourceLayer* next) {
    folded.insert(next);
    fusion.top = next->output(0);
    return readers.only(fusion.top);
  };
  const SourceLayer* next = readers.only(layer.output(0));
  if (is_convolution && is_foldable_batchnorm(next)) {
    fusion.batchnorm = &next->batchnorm();
    next = take(next);
  }
  if (is_relu(next)) {
    fusion.relu = true;
    take(next);
  }
  return fusion;
}

// ---- Layers
// --------------------------------------------------------------------------------------------------------------

bool translate_weighted(Translation& to, const SourceLayer& layer, const Fusion& fusion) {
  switch (layer.layer_case()) {
    case SourceLayer::kConvolution:
      return translate_convolution(to, layer, fusion), true;
    case SourceLayer::kInnerProduct:
      return translate_inner_product(to, layer, fusion), true;
    case SourceLayer::kEmbedding:
    case SourceLayer::kEmbeddingND:
      return translate_embedding(to, layer), true;
    case SourceLayer::kBatchnorm:
      return translate_batchnorm(to, layer), true;
    case SourceLayer::kScale:
      return translate_scale(to, layer), true;
    case SourceLayer::kBias:
      return translate_bias(to, layer), true;
    case SourceLayer::kLoadConstant:
    case SourceLayer::kLoadConstantND:
      return translate_load_constant(to, layer), true;
    default:
      return false;
  }
}

// Five axes are all there are.
void need_known_rank(const Translation& to, const SourceLayer& layer) {
  for (int i = 0; i < layer.input_size(); ++i) input_shape(to, layer, i);
  for (int i = 0; i < layer.output_size(); ++i) output_shape(to, layer, i);
}

// Why a layer of this type has no translation.
std::string reason_of_absence(const SourceLayer& layer) {
  switch (layer.layer_case()) {
    case SourceLayer::kArgSort:
      return "the engine does not sort";
    case SourceLayer::kScatter:
    case SourceLayer::kScatterND:
    case SourceLayer::kScatterAlongAxis:
      return "the engine does not write to places that are computed";
    case SourceLayer::kGatherND:
    case SourceLayer::kGatherAlongAxis:
      return "the engine does not read from places that are computed";
    case SourceLayer::kReverseSeq:
      return "the engine does not move elements by lengths that are computed";
    default:
      return "no Espresso form of this layer is known";
  }
}

void translate_layer(Translation& to, const SourceLayer& layer, const Fusion& fusion) {
  if (layer.output_size() == 0) throw Unsupported{"it has no output"};
  need_known_rank(to, layer);
  if (translate_weighted(to, layer, fusion) || translate_elementwise(to, layer) ||
      translate_spatial(to, layer) || translate_sampling(to, layer) || translate_exact(to, layer) ||
      translate_matrix(to, layer) || translate_selection(to, layer) || translate_recurrent(to, layer) ||
      translate_structure(to, layer))
    return;
  throw Unsupported{reason_of_absence(layer)};
}

std::string describe(const std::vector<coreml::Refusal>& refusals) {
  const char* const verb = refusals.size() == 1 ? "layer is" : "layers are";
  std::string text = fmt::format("{} {} not supported: ", refusals.size(), verb);
  for (const coreml::Refusal& refusal : refusals)
    text += fmt::format("{}{} ({}): {}", &refusal == &refusals.front() ? "" : ", ", refusal.layer,
                        refusal.type, refusal.reason);
  return text;
}

void translate_layers(Translation& to, const Readers& readers) {
  std::set<const SourceLayer*> folded;
  std::vector<coreml::Refusal> refusals;
  std::vector<RefusedLayer> refused;
  for (const SourceLayer* layer : to.model.layers) {
    if (folded.contains(layer)) continue;
    try {
      translate_layer(to, *layer, fuse(*layer, readers, folded));
      note_known(to, *layer);
    } catch (const Unsupported& unsupported) {
      refusals.push_back({layer->name(), coreml::layer_type(*layer), unsupported.reason});
      refused.push_back({layer->name(), {layer->output().begin(), layer->output().end()}});
    }
  }
  if (!refusals.empty()) throw RefusedLayers(to.model.file, describe(refusals), std::move(refused));
}

// ---- Results, shapes, images
// -----------------------------------------------------------------------------------------------

void need_results(const Translation& to, std::set<std::string> results) {
  for (const Layer& layer : to.net.layers)
    for (const std::string& top : layer.tops) results.erase(top);
  if (!results.empty())
    throw Error(to.model.file, "output " + *results.begin(), "no layer produces it",
                "outputs must not be inputs");
}

// Of every blob that is left; steps have added theirs.
void set_shapes(Translation& to) {
  const auto add = [&](const std::string& blob) {
    if (const auto found = to.model.shapes.find(blob); found != to.model.shapes.end())
      to.net.shapes[blob] = shape_from_coreml(found->second, to.model.exact_rank);
  };
  for (const Layer& layer : to.net.layers) {
    for (const std::string& blob : layer.bottoms) add(blob);
    for (const std::string& blob : layer.tops) add(blob);
  }
}

// A grey image has one bias; it stands for all three.
ImageTransform transform_of(const coreml::ImageFeature& image, const std::string& name,
                            const std::string& file) {
  const coreml::Preprocessing& from = image.preprocessing;
  const bool all_finite =
      std::isfinite(from.scale) &&
      std::all_of(from.bias.begin(), from.bias.end(), [](float bias) { return std::isfinite(bias); });
  if (!all_finite) throw Error(file, "input " + name, "its preprocessing has a number that is not finite");
  ImageTransform transform;
  transform.scale = from.scale;
  transform.network_is_bgr = image.color_space == coreml::ColorSpace::Bgr;
  if (from.bias.empty()) return transform;
  const float first = from.bias.front(), last = from.bias.back();
  transform.bias_r = transform.network_is_bgr ? last : first;
  transform.bias_g = from.bias[from.bias.size() / 2];
  transform.bias_b = transform.network_is_bgr ? first : last;
  return transform;
}

}  // namespace

Net from_coreml(const coreml::Model& model) {
  Translation to{model, {}, 1};
  to.net.file = model.file;
  const Readers readers = find_readers(model);
  translate_layers(to, readers);
  need_results(to, readers.results);
  set_shapes(to);
  mark_outputs(to.net, readers.results);
  for (const coreml::Feature& input : model.inputs)
    if (const coreml::ImageFeature* image = input.image())
      to.net.transforms[input.name] = transform_of(*image, input.name, model.file);
  return std::move(to.net);
}

}  // namespace ane::espresso
