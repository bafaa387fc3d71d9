// Inputs and outputs as the user sees them, and the tensors they are inside the network.
//
// Flexible features have a default shape, which is the only one a static compiler uses. Preprocessing is a
// list of steps, each for one image input; they are folded into one affine form, in the order of the list.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "coreml/layer_check.h"
#include "coreml/network.h"

namespace ane::coreml {

namespace {

std::string describe_input(const std::string& name) {
  return fmt::format("input '{}'", name);
}
std::string describe_output(const std::string& name) {
  return fmt::format("output '{}'", name);
}

// ---- Types ----

struct FeatureReader {
  const std::string& file;
  std::string where;

  [[noreturn]] void fail(const std::string& why, const std::string& remedy = "") const {
    throw Error(file, where, why, remedy);
  }

  ArrayType array_type(const spec::ArrayFeatureType& type) const {
    switch (type.datatype()) {
      case spec::ArrayFeatureType::FLOAT32:
        return ArrayType::Float32;
      case spec::ArrayFeatureType::DOUBLE:
        return ArrayType::Float64;
      case spec::ArrayFeatureType::FLOAT16:
        return ArrayType::Float16;
      case spec::ArrayFeatureType::INT32:
        return ArrayType::Int32;
      case spec::ArrayFeatureType::INT8:
        return ArrayType::Int8;
      default:
        fail(fmt::format("has an unknown element type ({})", static_cast<int>(type.datatype())));
    }
  }

  ColorSpace color_space(const spec::ImageFeatureType& type) const {
    switch (type.colorspace()) {
      case spec::ImageFeatureType::GRAYSCALE:
        return ColorSpace::Grayscale;
      case spec::ImageFeatureType::RGB:
        return ColorSpace::Rgb;
      case spec::ImageFeatureType::BGR:
        return ColorSpace::Bgr;
      case spec::ImageFeatureType::GRAYSCALE_FLOAT16:
        fail("is an image of float16 pixels, which this version does not read", "declare it as an array");
      default:
        fail(fmt::format("has an unknown colour space ({})", static_cast<int>(type.colorspace())));
    }
  }

  ArrayFeature array(const spec::ArrayFeatureType& type) const {
    ArrayFeature array{.shape = {type.shape().begin(), type.shape().end()}, .type = array_type(type)};
    if (!array.shape.empty()) return array;
    if (type.enumeratedshapes().shapes_size() > 0) {
      const auto& first = type.enumeratedshapes().shapes(0).shape();
      array.shape.assign(first.begin(), first.end());
    }
    for (const auto& range : type.shaperange().sizeranges())
      array.shape.push_back(static_cast<int64_t>(range.lowerbound()));
    return array;
  }

  ImageFeature image(const spec::ImageFeatureType& type) const {
    ImageFeature image;
    image.width = type.width();
    image.height = type.height();
    image.color_space = color_space(type);
    const bool fixed = image.width != 0 && image.height != 0;
    if (!fixed && type.enumeratedsizes().sizes_size() > 0) {
      image.width = static_cast<int64_t>(type.enumeratedsizes().sizes(0).width());
      image.height = static_cast<int64_t>(type.enumeratedsizes().sizes(0).height());
    } else if (!fixed && type.has_imagesizerange()) {
      image.width = static_cast<int64_t>(type.imagesizerange().widthrange().lowerbound());
      image.height = static_cast<int64_t>(type.imagesizerange().heightrange().lowerbound());
    }
    need_shape({image.channels(), image.height, image.width});
    return image;
  }

  void need_shape(const Shape& shape) const {
    if (shape.empty()) fail("declares no shape");
    if (shape.size() > largest_rank) fail(fmt::format("has {} dimensions", shape.size()));
    const bool sane = std::all_of(shape.begin(), shape.end(),
                                  [](int64_t size) { return size >= 1 && size <= largest_size; });
    if (!sane || element_count(shape) > largest_blob) fail("has the shape " + to_string(shape));
  }
};

bool is_tensor(const spec::FeatureType& type) {
  return type.has_imagetype() || type.has_multiarraytype();
}

// "dictionaryType" -> "dictionary"
std::string type_word(const spec::FeatureType& type) {
  const auto* field = spec::FeatureType::GetReflection()->GetOneofFieldDescriptor(
      type, spec::FeatureType::descriptor()->FindOneofByName("Type"));
  if (field == nullptr) return "untyped";
  const std::string name = field->name();
  return name.substr(0, name.rfind("Type"));
}

// ---- Inputs ----

Shape input_tensor(const FeatureReader& reader, const Feature& feature, const Network& network) {
  if (const ImageFeature* image = feature.image()) {
    const Shape tensor{1, image->channels(), image->height, image->width};
    return network.exact_images ? tensor : Shape{1, 1, tensor[1], tensor[2], tensor[3]};
  }
  const Shape& shape = std::get<ArrayFeature>(feature.type).shape;
  reader.need_shape(shape);
  if (network.exact_arrays) return shape;
  if (shape.size() == 1) return {1, 1, shape[0], 1, 1};
  if (shape.size() == 3) return {1, 1, shape[0], shape[1], shape[2]};
  reader.fail(fmt::format("has the shape {}, but the network takes [C] or [C, H, W]", to_string(shape)));
}

// ---- Preprocessing ----

// y = scale * x + bias, then another step over it: s * (scale * x + bias - mean) + b.
void apply_scaler(Preprocessing& preprocessing, const spec::NeuralNetworkImageScaler& scaler,
                  ColorSpace colors) {
  const std::vector<float> bias =
      colors == ColorSpace::Grayscale ? std::vector<float>{scaler.graybias()}
      : colors == ColorSpace::Rgb
          ? std::vector<float>{scaler.redbias(), scaler.greenbias(), scaler.bluebias()}
          : std::vector<float>{scaler.bluebias(), scaler.greenbias(), scaler.redbias()};
  preprocessing.scale *= scaler.channelscale();
  preprocessing.bias.resize(bias.size());
  for (size_t i = 0; i < bias.size(); ++i)
    preprocessing.bias[i] = preprocessing.bias[i] * scaler.channelscale() + bias[i];
  for (float& value : preprocessing.mean) value *= scaler.channelscale();
}

void subtract_mean(Preprocessing& preprocessing, const spec::NeuralNetworkMeanImage& mean) {
  preprocessing.mean.resize(static_cast<size_t>(mean.meanimage_size()));
  for (int i = 0; i < mean.meanimage_size(); ++i)
    preprocessing.mean[static_cast<size_t>(i)] += mean.meanimage(i);
}

// The image a step is for: the named one, or the only one where the step names none.
Feature& preprocessed_input(const spec::NeuralNetworkPreprocessing& step, Model& model) {
  const auto is_image = [](const Feature& feature) { return feature.image() != nullptr; };
  const auto images = std::count_if(model.inputs.begin(), model.inputs.end(), is_image);
  for (Feature& feature : model.inputs)
    if (is_image(feature) &&
        (step.featurename() == feature.name || (step.featurename().empty() && images == 1)))
      return feature;
  if (step.featurename().empty())
    throw Error(model.file, "preprocessing", fmt::format("names no input, and {} inputs are images", images));
  throw Error(model.file, "preprocessing", fmt::format("no image input is named '{}'", step.featurename()));
}

void apply_preprocessing(const spec::NeuralNetworkPreprocessing& step, Model& model) {
  Feature& feature = preprocessed_input(step, model);
  ImageFeature& image = std::get<ImageFeature>(feature.type);
  const FeatureReader reader{model.file, describe_input(feature.name)};
  if (step.has_scaler()) {
    // Converters always write a scale; what its absence (zero on the wire) means is not known.
    if (step.scaler().channelscale() == 0)
      reader.fail("has a scaler that makes all pixels zero", "set channelScale");
    apply_scaler(image.preprocessing, step.scaler(), image.color_space);
  } else if (step.has_meanimage()) {
    const int64_t wanted = image.channels() * image.height * image.width;
    if (step.meanimage().meanimage_size() != wanted)
      reader.fail(
          fmt::format("has a mean image of {} values, not {}", step.meanimage().meanimage_size(), wanted));
    subtract_mean(image.preprocessing, step.meanimage());
  } else {
    reader.fail("has a preprocessing step of an unknown kind");
  }
}

// ---- Outputs ----

const Shape& output_tensor(const FeatureReader& reader, const std::string& name, const Model& model) {
  const auto found = model.shapes.find(name);
  if (found == model.shapes.end()) reader.fail("is not a blob of the network");
  return found->second;
}

// A network gives the same number of elements under whatever shape; a declaration that disagrees says
// nothing.
void drop_wrong_shape(ArrayFeature& array, const Shape& tensor) {
  const bool positive =
      std::all_of(array.shape.begin(), array.shape.end(), [](int64_t size) { return size >= 1; });
  if (!positive || element_count(array.shape) != element_count(tensor)) array.shape.clear();
}

Feature read_output(const spec::FeatureDescription& description, const Model& model) {
  const FeatureReader reader{model.file, describe_output(description.name())};
  const spec::FeatureType& type = description.type();
  Feature feature{.name = description.name(), .optional = type.isoptional(), .type = {}, .tensor = {}};
  feature.tensor = output_tensor(reader, feature.name, model);
  if (type.has_imagetype()) {
    const spec::ImageFeatureType& declared = type.imagetype();
    ImageFeature image = reader.image(declared);
    if ((declared.has_imagesizerange() || declared.has_enumeratedsizes()) && feature.tensor.size() >= 2)
      image.height = feature.tensor[feature.tensor.size() - 2], image.width = feature.tensor.back();
    const Shape wanted{image.channels(), image.height, image.width};
    const Shape& tensor = feature.tensor;
    if (tensor.size() < 3 || !std::equal(wanted.begin(), wanted.end(), tensor.end() - 3) ||
        element_count(tensor) != element_count(wanted))
      reader.fail(
          fmt::format("is an image of {}, but the network gives {}", to_string(wanted), to_string(tensor)));
    feature.type = image;
  } else if (type.has_multiarraytype()) {
    ArrayFeature array = reader.array(type.multiarraytype());
    drop_wrong_shape(array, feature.tensor);
    feature.type = array;
  } else if (type.has_doubletype() && element_count(feature.tensor) == 1) {
    feature.type = ArrayFeature{.shape = {1}, .type = ArrayType::Float64};
  } else {
    reader.fail(fmt::format("is {}, which a network does not give", type_word(type)));
  }
  return feature;
}

Feature scores_feature(const Model& model) {
  const Shape& tensor = model.shapes.at(model.class_scores_blob);
  return {.name = model.class_scores_blob,
          .optional = false,
          .type = ArrayFeature{.shape = {element_count(tensor)}, .type = ArrayType::Float32},
          .tensor = tensor};
}

std::string find_scores(const Model& model) {
  const std::string scores = scores_blob(*model.proto);
  if (scores.empty()) throw Error(model.file, "classifier", "has no layers that could give scores");
  if (!model.shapes.contains(scores))
    throw Error(model.file, "classifier",
                fmt::format("the scores '{}' are not a blob of the network", scores));
  return scores;
}

void read_classifier(const spec::NeuralNetworkClassifier& classifier, Model& model) {
  const spec::ModelDescription& description = model.proto->description();
  model.predicted_class_feature = description.predictedfeaturename();
  model.predicted_probabilities_feature = description.predictedprobabilitiesname();
  const auto& strings = classifier.stringclasslabels().vector();
  model.class_labels.assign(strings.begin(), strings.end());
  for (const int64_t label : classifier.int64classlabels().vector())
    model.class_labels.push_back(std::to_string(label));
  model.class_scores_blob = find_scores(model);
  const int64_t scores = element_count(model.shapes.at(model.class_scores_blob));
  if (!model.class_labels.empty() && static_cast<int64_t>(model.class_labels.size()) != scores)
    throw Error(model.file, "classifier",
                fmt::format("has {} labels for {} scores", model.class_labels.size(), scores));
}

// The label is worked out from the scores; it is no blob.
bool is_predicted_feature(const spec::FeatureDescription& output, const Model& model) {
  return model.kind == ModelKind::NeuralNetworkClassifier && !is_tensor(output.type());
}

bool gives(const spec::NeuralNetworkLayer& layer, const std::string& blob) {
  return std::find(layer.output().begin(), layer.output().end(), blob) != layer.output().end();
}

}  // namespace

std::string scores_blob(const spec::Model& proto) {
  if (!proto.has_neuralnetworkclassifier()) return "";
  const spec::NeuralNetworkClassifier& classifier = proto.neuralnetworkclassifier();
  if (!classifier.labelprobabilitylayername().empty()) return classifier.labelprobabilitylayername();
  const std::string& feature = proto.description().predictedprobabilitiesname();
  const auto& layers = classifier.layers();
  if (std::any_of(layers.begin(), layers.end(), [&](const auto& layer) { return gives(layer, feature); }))
    return feature;
  return layers.empty() || layers.rbegin()->output().empty() ? "" : layers.rbegin()->output(0);
}

ProgramFeatures program_features(const spec::Model& proto, const std::string& function,
                                 const std::string& file) {
  const auto read = [&](const auto& descriptions, bool input) {
    std::vector<Feature> features;
    for (const spec::FeatureDescription& description : descriptions) {
      const spec::FeatureType& type = description.type();
      if (!is_tensor(type)) continue;
      const std::string& name = description.name();
      const FeatureReader reader{file, input ? describe_input(name) : describe_output(name)};
      Feature feature{.name = name, .optional = type.isoptional(), .type = {}, .tensor = {}};
      if (type.has_imagetype()) {
        const ImageFeature image = reader.image(type.imagetype());
        feature.tensor = {1, image.channels(), image.height, image.width};
        feature.type = image;
      } else {
        const ArrayFeature array = reader.array(type.multiarraytype());
        if (!array.shape.empty()) reader.need_shape(array.shape);
        feature.tensor = array.shape;
        feature.type = array;
      }
      features.push_back(std::move(feature));
    }
    return features;
  };
  const spec::ModelDescription& description = proto.description();
  for (const spec::FunctionDescription& candidate : description.functions())
    if (candidate.name() == function) return {read(candidate.input(), true), read(candidate.output(), false)};
  return {read(description.input(), true), read(description.output(), false)};
}

Feature read_input(const spec::FeatureDescription& description, const Network& network,
                   const std::string& file) {
  const FeatureReader reader{file, describe_input(description.name())};
  const spec::FeatureType& type = description.type();
  if (description.name().empty()) reader.fail("has no name");
  if (!is_tensor(type)) reader.fail(fmt::format("is {}, not an image or an array", type_word(type)));
  Feature feature{.name = description.name(), .optional = type.isoptional(), .type = {}, .tensor = {}};
  if (type.has_imagetype())
    feature.type = reader.image(type.imagetype());
  else
    feature.type = reader.array(type.multiarraytype());
  feature.tensor = input_tensor(reader, feature, network);
  return feature;
}

void read_inputs(const Network& network, Model& model) {
  std::set<std::string> names;
  for (const auto& description : model.proto->description().input()) {
    model.inputs.push_back(read_input(description, network, model.file));
    if (!names.insert(description.name()).second)
      throw Error(model.file, describe_input(description.name()), "is declared twice");
  }
  if (model.inputs.empty()) throw Error(model.file, "", "declares no inputs");
  for (const auto& step : *network.preprocessing) apply_preprocessing(step, model);
}

void read_outputs(Model& model) {
  const bool classifier = model.kind == ModelKind::NeuralNetworkClassifier;
  if (classifier) read_classifier(model.proto->neuralnetworkclassifier(), model);
  std::set<std::string> names;
  const auto append = [&](Feature feature) {
    if (names.insert(feature.name).second) model.outputs.push_back(std::move(feature));
  };
  for (const auto& description : model.proto->description().output()) {
    if (!is_predicted_feature(description, model))
      append(read_output(description, model));
    else if (description.name() == model.predicted_probabilities_feature)
      append(scores_feature(model));
  }
  if (classifier) append(scores_feature(model));
  if (model.outputs.empty()) throw Error(model.file, "", "declares no outputs");
}

}  // namespace ane::coreml
