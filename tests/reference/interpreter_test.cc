// The loop over the layers: inputs, preprocessing, blobs kept, refusals.

#include "base/error.h"
#include "run.h"

namespace ane::reference {
namespace {

TEST(Interpreter, KeepsEveryBlob) {
  ModelBuilder model;
  model.array_input("x", {2});
  model.layer("sum", {"x"})->mutable_add()->set_alpha(1);
  model.relu("y", "sum");
  model.array_output("y");
  const auto blobs = run(model, {{"x", {-5, 5}}});
  EXPECT_EQ(blobs.at("x").data, (Values{-5, 5}));
  EXPECT_EQ(blobs.at("sum").data, (Values{-4, 6}));
  EXPECT_EQ(blobs.at("y").data, (Values{0, 6}));
}

TEST(Interpreter, ScalesImagesInTheirChannelOrder) {
  for (const auto color : {coreml::spec::ImageFeatureType::RGB, coreml::spec::ImageFeatureType::BGR}) {
    ModelBuilder model;
    model.image_input("x", 2, 1, color);
    auto* scaler = model.scaler("x", 0.5f);
    scaler->set_redbias(1);
    scaler->set_greenbias(2);
    scaler->set_bluebias(3);
    model.relu("y", "x");
    model.array_output("y");
    const Values y = run(model, {{"x", {0, 10, 20, 30, 40, 50}}}).at("y").data;
    const bool rgb = color == coreml::spec::ImageFeatureType::RGB;
    EXPECT_EQ(y, (rgb ? Values{1, 6, 12, 17, 23, 28} : Values{3, 8, 12, 17, 21, 26}));
  }
}

TEST(Interpreter, SubtractsTheMeanImage) {
  ModelBuilder model;
  model.image_input("x", 2, 1, coreml::spec::ImageFeatureType::GRAYSCALE);
  auto* preprocessing = model.network().add_preprocessing();
  preprocessing->set_featurename("x");
  for (const float mean : {1.0f, 2.0f}) preprocessing->mutable_meanimage()->add_meanimage(mean);
  model.layer("y", {"x"})->mutable_add()->set_alpha(0);
  model.array_output("y");
  EXPECT_EQ(run(model, {{"x", {10, 20}}}).at("y").data, (Values{9, 18}));
}

TEST(BadInterpreterInput, MissingOrOfAnotherSize) {
  ModelBuilder model;
  model.array_input("x", {2});
  model.relu("y", "x");
  model.array_output("y");
  EXPECT_THROW(run(model, {}), Error);
  EXPECT_THROW(run(model, {{"x", {1}}}), Error);
  EXPECT_THROW(run(model, {{"x", {1, 2, 3}}}), Error);
}

TEST(BadInterpreterInput, LayersWithoutADefinitionAreNamed) {
  ModelBuilder model(5);
  model.exact_rank();
  model.array_input("x", {2, 3});
  model.layer("order", {"x"})->mutable_argsort()->set_axis(1);
  model.array_output("order");
  try {
    run(model, {{"x", counting(6)}});
    FAIL() << "evaluated";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("order (argSort)"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ane::reference
