// Inputs, preprocessing, outputs and classifiers.
#include <gtest/gtest.h>

#include "base/error.h"
#include "coreml/model.h"
#include "support/model_builder.h"

namespace ane::coreml {
namespace {

using test::ModelBuilder;

ModelBuilder image_model(spec::ImageFeatureType::ColorSpace color, int64_t width = 2, int64_t height = 1) {
  ModelBuilder model;
  model.image_input("image", width, height, color);
  model.relu("y", "image");
  model.array_output("y");
  return model;
}

Preprocessing preprocessing_of(ModelBuilder& model) {
  return read_model(model.bytes(), "test").inputs.at(0).image()->preprocessing;
}

TEST(Features, ScalerBiasesFollowTheChannelOrder) {
  for (const bool rgb : {true, false}) {
    ModelBuilder model = image_model(rgb ? spec::ImageFeatureType::RGB : spec::ImageFeatureType::BGR);
    auto* scaler = model.scaler("image", 0.5f);
    scaler->set_redbias(1);
    scaler->set_greenbias(2);
    scaler->set_bluebias(3);
    scaler->set_graybias(4);
    const Preprocessing read = preprocessing_of(model);
    EXPECT_EQ(read.scale, 0.5f);
    EXPECT_EQ(read.bias, rgb ? (std::vector<float>{1, 2, 3}) : (std::vector<float>{3, 2, 1}));
  }
}

TEST(Features, PreprocessingWithoutANameIsForTheOnlyImage) {
  ModelBuilder model = image_model(spec::ImageFeatureType::GRAYSCALE);
  model.scaler("", 2.0f)->set_graybias(-1);
  EXPECT_EQ(preprocessing_of(model).scale, 2.0f);
  EXPECT_EQ(preprocessing_of(model).bias, std::vector<float>{-1});
  model.image_input("second", 2, 1);
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);
}

// 2 * (x - mean) + 1 = 2 * x + 1 - 2 * mean
TEST(Features, StepsApplyInOrder) {
  ModelBuilder model = image_model(spec::ImageFeatureType::GRAYSCALE);
  auto* mean = model.network().add_preprocessing()->mutable_meanimage();
  mean->add_meanimage(10);
  mean->add_meanimage(20);
  model.scaler("image", 2.0f)->set_graybias(1);
  const Preprocessing read = preprocessing_of(model);
  EXPECT_EQ(read.scale, 2.0f);
  EXPECT_EQ(read.bias, std::vector<float>{1});
  EXPECT_EQ(read.mean, (std::vector<float>{20, 40}));
}

std::string refusal_of(const ModelBuilder& model, const ChosenShapes& shapes) {
  try {
    read_model(model.bytes(), "test", shapes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Features, ShapesOfFlexibleInputsCanBeChosen) {
  ModelBuilder model;
  auto* range = model.array_input("range", {3, 8, 8})->mutable_type()->mutable_multiarraytype();
  for (const int64_t upper : {3, 20, -1}) {
    auto* sizes = range->mutable_shaperange()->add_sizeranges();
    sizes->set_lowerbound(3);
    sizes->set_upperbound(upper);
  }
  auto* picture = model.image_input("picture", 10, 10)->mutable_type()->mutable_imagetype();
  for (const uint64_t size : {10u, 20u}) {
    auto* listed = picture->mutable_enumeratedsizes()->add_sizes();
    listed->set_width(size);
    listed->set_height(2 * size);
  }
  model.relu("y", "range");
  model.relu("z", "picture");
  model.image_output("z", 10, 10)->mutable_type()->mutable_imagetype()->mutable_imagesizerange();
  model.array_output("y");
  const Model read =
      read_model(model.bytes(), "test", {{"range", {3, 20, 500}}, {"picture", {1, 3, 40, 20}}});
  EXPECT_EQ(read.inputs.at(0).tensor, (Shape{1, 1, 3, 20, 500}));
  EXPECT_EQ(read.inputs.at(1).tensor, (Shape{1, 1, 3, 40, 20}));
  EXPECT_EQ(read.outputs.at(0).image()->height, 40);
  EXPECT_EQ(read_model(model.bytes(), "test").inputs.at(0).tensor, (Shape{1, 1, 3, 8, 8}));

  EXPECT_NE(refusal_of(model, {{"range", {3, 21, 8}}}).find("does not allow the shape 3,21,8"),
            std::string::npos);
  EXPECT_NE(refusal_of(model, {{"range", {3, 8}}}).find("does not allow"), std::string::npos);
  EXPECT_NE(refusal_of(model, {{"picture", {20, 20}}}).find("does not allow"), std::string::npos);
  EXPECT_NE(refusal_of(model, {{"other", {1}}}).find("no input of this name"), std::string::npos);
}

TEST(Features, FlexibleInputsTakeTheirDefaultShape) {
  ModelBuilder model;
  auto* declared = model.array_input("declared", {1, 128, 128})->mutable_type()->mutable_multiarraytype();
  declared->mutable_shaperange()->add_sizeranges()->set_lowerbound(1);
  auto* listed = model.array_input("listed", {})->mutable_type()->mutable_multiarraytype();
  for (const int64_t size : {5, 6}) listed->mutable_enumeratedshapes()->add_shapes()->add_shape(size);
  auto* ranged = model.array_input("ranged", {})->mutable_type()->mutable_multiarraytype();
  ranged->mutable_shaperange()->add_sizeranges()->set_lowerbound(9);
  auto* image = model.image_input("image", 0, 0)->mutable_type()->mutable_imagetype();
  image->mutable_imagesizerange()->mutable_widthrange()->set_lowerbound(30);
  image->mutable_imagesizerange()->mutable_heightrange()->set_lowerbound(20);
  model.relu("y", "declared");
  model.array_output("y");
  const Model read = read_model(model.bytes(), "test");
  EXPECT_EQ(read.shapes.at("declared"), (Shape{1, 1, 1, 128, 128}));
  EXPECT_EQ(read.shapes.at("listed"), (Shape{1, 1, 5, 1, 1}));
  EXPECT_EQ(read.shapes.at("ranged"), (Shape{1, 1, 9, 1, 1}));
  EXPECT_EQ(read.shapes.at("image"), (Shape{1, 1, 3, 20, 30}));
}

TEST(Features, WrongOutputShapesAreDropped) {
  ModelBuilder model;
  model.array_input("x", {2, 3, 4});
  model.relu("right", "x");
  model.relu("wrong", "x");
  model.array_output("right", {6, 4});
  model.array_output("wrong", {5, 5});
  const Model read = read_model(model.bytes(), "test");
  EXPECT_EQ(std::get<ArrayFeature>(read.outputs.at(0).type).shape, (Shape{6, 4}));
  EXPECT_TRUE(std::get<ArrayFeature>(read.outputs.at(1).type).shape.empty());
  EXPECT_EQ(read.outputs.at(1).tensor, (Shape{1, 1, 2, 3, 4}));
}

// A neural network classifier with 3 scores in the blob "scores".
spec::Model classifier() {
  ModelBuilder model;
  model.array_input("x", {4});
  model.inner_product("dense", "x", 4, 3);
  model.softmax("scores", "dense");
  spec::Model proto = model.proto();
  const spec::NeuralNetwork network = proto.neuralnetwork();
  auto* params = proto.mutable_neuralnetworkclassifier();
  *params->mutable_layers() = network.layers();
  for (const char* label : {"ant", "bee", "cat"}) params->mutable_stringclasslabels()->add_vector(label);
  auto* description = proto.mutable_description();
  auto* label = description->add_output();
  label->set_name("label");
  label->mutable_type()->mutable_stringtype();
  auto* probabilities = description->add_output();
  probabilities->set_name("probabilities");
  probabilities->mutable_type()->mutable_dictionarytype()->mutable_stringkeytype();
  description->set_predictedfeaturename("label");
  description->set_predictedprobabilitiesname("probabilities");
  return proto;
}

Model read_proto(const spec::Model& proto) {
  const std::string text = proto.SerializeAsString();
  return read_model(ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()), "test");
}

TEST(Features, ClassifierWithANamedScoresBlob) {
  spec::Model proto = classifier();
  proto.mutable_neuralnetworkclassifier()->set_labelprobabilitylayername("dense");
  const Model read = read_proto(proto);
  EXPECT_EQ(read.kind, ModelKind::NeuralNetworkClassifier);
  EXPECT_EQ(read.class_labels, (std::vector<std::string>{"ant", "bee", "cat"}));
  EXPECT_EQ(read.class_scores_blob, "dense");
  EXPECT_EQ(read.predicted_class_feature, "label");
  EXPECT_EQ(read.predicted_probabilities_feature, "probabilities");
  ASSERT_EQ(read.outputs.size(), 1u);
  EXPECT_EQ(read.outputs[0].name, "dense");
  EXPECT_EQ(std::get<ArrayFeature>(read.outputs[0].type).shape, Shape{3});
}

TEST(Features, ClassifierScoresComeFromTheLastLayerOtherwise) {
  spec::Model proto = classifier();
  EXPECT_EQ(read_proto(proto).class_scores_blob, "scores");
  auto* labels = proto.mutable_neuralnetworkclassifier()->mutable_int64classlabels();
  for (const int64_t label : {-1, 0, 7}) labels->add_vector(label);
  EXPECT_EQ(read_proto(proto).class_labels, (std::vector<std::string>{"-1", "0", "7"}));
}

TEST(BadFeatures, LabelsThatDoNotFitTheScores) {
  spec::Model proto = classifier();
  proto.mutable_neuralnetworkclassifier()->mutable_stringclasslabels()->add_vector("dog");
  EXPECT_THROW(read_proto(proto), Error);
}

TEST(BadFeatures, ScoresThatAreNoBlob) {
  spec::Model proto = classifier();
  proto.mutable_neuralnetworkclassifier()->set_labelprobabilitylayername("nowhere");
  EXPECT_THROW(read_proto(proto), Error);
}

TEST(BadFeatures, MeanImageOfAnotherSize) {
  ModelBuilder model = image_model(spec::ImageFeatureType::RGB);
  model.network().add_preprocessing()->mutable_meanimage()->add_meanimage(1);
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);
}

TEST(BadFeatures, PreprocessingOfAnUnknownInput) {
  ModelBuilder model = image_model(spec::ImageFeatureType::RGB);
  model.scaler("picture", 1.0f);
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);
}

TEST(BadFeatures, InputsThatAreNoTensors) {
  ModelBuilder model = image_model(spec::ImageFeatureType::RGB);
  auto* input = model.proto().mutable_description()->add_input();
  input->set_name("words");
  input->mutable_type()->mutable_stringtype();
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);
}

TEST(BadFeatures, RankTheNetworkCannotTake) {
  ModelBuilder model;
  model.array_input("x", {2, 3});
  model.relu("y", "x");
  model.array_output("y");
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);
}

TEST(BadFeatures, ImageOutputOfAnotherSize) {
  ModelBuilder model;
  model.image_input("x", 8, 6);
  model.relu("y", "x");
  model.image_output("y", 6, 8);
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);
}

}  // namespace
}  // namespace ane::coreml
