// A pipeline's message holds whole models. A part shares the ownership of the message around it, so that
// nothing is copied. How deep pipelines nest was bounded when the file was parsed.
#include "coreml/pipeline.h"

#include <Model.pb.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ane::coreml {

namespace {

spec::Pipeline* pipeline_of(spec::Model& model) {
  if (model.has_pipeline()) return model.mutable_pipeline();
  if (model.has_pipelineclassifier()) return model.mutable_pipelineclassifier()->mutable_pipeline();
  if (model.has_pipelineregressor()) return model.mutable_pipelineregressor()->mutable_pipeline();
  return nullptr;
}

const spec::Pipeline* pipeline_of(const spec::Model& model) {
  if (model.has_pipeline()) return &model.pipeline();
  if (model.has_pipelineclassifier()) return &model.pipelineclassifier().pipeline();
  if (model.has_pipelineregressor()) return &model.pipelineregressor().pipeline();
  return nullptr;
}

std::string name_of(const spec::Pipeline& pipeline, int index) {
  const bool named = index < pipeline.names_size() && !pipeline.names(index).empty();
  return named ? pipeline.names(index) : fmt::format("model{}", index);
}

void append_parts(const std::shared_ptr<spec::Model>& owner, spec::Pipeline& pipeline,
                  const std::string& prefix, std::vector<PipelinePart>& parts) {
  for (int i = 0; i < pipeline.models_size(); ++i) {
    spec::Model& model = *pipeline.mutable_models(i);
    const std::string name = prefix + name_of(pipeline, i);
    if (spec::Pipeline* inner = pipeline_of(model)) {
      append_parts(owner, *inner, name + "/", parts);
      continue;
    }
    parts.push_back(pipeline_part(name, model.Type_case()));
    parts.back().model = {owner, &model};
  }
}

}  // namespace

std::string model_type(int field_number) {
  const auto* field = spec::Model::descriptor()->FindFieldByNumber(field_number);
  const bool is_type = field && field->containing_oneof() && field->containing_oneof()->name() == "Type";
  return is_type ? field->name() : "unknown";
}

std::string model_type(const spec::Model& model) {
  return model_type(model.Type_case());
}

PipelinePart pipeline_part(std::string name, int field_number) {
  // Field numbers from 2000 on are models that ship with Apple's systems, up to 2999.
  constexpr int first_system_model = 2000, behind_system_models = 3000;
  PipelinePart part{.name = std::move(name), .type = model_type(field_number), .model = nullptr};
  part.is_network =
      field_number == spec::Model::kNeuralNetwork || field_number == spec::Model::kNeuralNetworkClassifier ||
      field_number == spec::Model::kNeuralNetworkRegressor || field_number == spec::Model::kMlProgram;
  part.is_system = field_number >= first_system_model && field_number < behind_system_models;
  return part;
}

bool is_pipeline(const spec::Model& model) {
  return pipeline_of(model) != nullptr;
}

std::vector<PipelinePart> pipeline_parts(const std::shared_ptr<spec::Model>& model) {
  std::vector<PipelinePart> parts;
  if (spec::Pipeline* pipeline = pipeline_of(*model)) append_parts(model, *pipeline, "", parts);
  return parts;
}

std::string describe_model(const spec::Model& model) {
  const spec::Pipeline* pipeline = pipeline_of(model);
  if (!pipeline) return model_type(model);
  std::vector<std::string> parts;
  for (const spec::Model& part : pipeline->models()) parts.push_back(describe_model(part));
  return fmt::format("{} ({})", model_type(model), fmt::join(parts, ", "));
}

}  // namespace ane::coreml
