// Runs one small model and gives the values of a blob.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "reference/interpreter.h"
#include "support/model_builder.h"

namespace ane::reference {

using test::ModelBuilder;
using Layer = coreml::spec::NeuralNetworkLayer;

struct Given {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// Numbers without symmetry, between -2 and 2.
inline std::vector<float> pattern(int64_t count, int64_t seed = 0) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(((i + seed) * 7919 + seed * 104729) % 401 - 200) / 100.0f);
  }
  return values;
}

// 0, 1, 2, ...
inline std::vector<float> counting(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
  return values;
}

inline std::map<std::string, Tensor> run(const ModelBuilder& model,
                                         const std::map<std::string, std::vector<float>>& inputs) {
  return evaluate(coreml::read_model(model.bytes(), "test.mlmodel"), inputs);
}

// One layer with inputs x0, x1, ... and outputs y0, y1, ...; shapes as declared when `exact`, else rank-5
// semantics.
inline std::vector<Tensor> run_layer(const std::vector<Given>& inputs, const std::function<void(Layer&)>& set,
                                     bool exact, int outputs = 1) {
  ModelBuilder model(exact ? 5 : 1);
  if (exact) model.exact_rank();
  std::vector<std::string> input_names, output_names;
  std::map<std::string, std::vector<float>> values;
  for (const Given& given : inputs) {
    input_names.push_back(fmt::format("x{}", input_names.size()));
    model.array_input(input_names.back(), given.shape);
    values[input_names.back()] = given.values;
  }
  for (int i = 0; i < outputs; ++i) output_names.push_back(fmt::format("y{}", i));
  set(*model.layer("layer", input_names, output_names));
  for (const std::string& name : output_names) model.array_output(name);
  const auto blobs = run(model, values);
  std::vector<Tensor> results;
  for (const std::string& name : output_names) results.push_back(blobs.at(name));
  return results;
}

inline Tensor rank5(const std::vector<Given>& inputs, const std::function<void(Layer&)>& set) {
  return run_layer(inputs, set, false)[0];
}
inline Tensor exact(const std::vector<Given>& inputs, const std::function<void(Layer&)>& set) {
  return run_layer(inputs, set, true)[0];
}

// Equal up to float32 rounding of sums of this size.
inline void expect_near(const std::vector<float>& got, const std::vector<double>& expected,
                        double tolerance = 1e-5) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i]))) << "element " << i;
  }
}

using Values = std::vector<float>;

}  // namespace ane::reference
