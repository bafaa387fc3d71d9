// Pipelines: models that hold models, which run one after another and hand features on by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coreml/model.h"

namespace ane::coreml {

// A type of model in the words of the Core ML specification, e.g. "glmClassifier"; "unknown" when it is none
// that this version knows.
std::string model_type(const spec::Model& model);
// The same from its field number in the message Model, which is how compiled models name it.
std::string model_type(int field_number);

// One model of a pipeline.
struct PipelinePart {
  // As the pipeline names it, else model0, model1, ...; in a pipeline within a pipeline OUTER/INNER.
  std::string name;
  std::string type;
  bool is_network = false;  // a neural network or an ML Program
  bool is_system = false;   // a model that ships with Apple's systems: the file only refers to it
  // Keeps the whole pipeline alive. Not there for parts of a compiled pipeline.
  std::shared_ptr<spec::Model> model;
};

// What `field_number` says of a part.
PipelinePart pipeline_part(std::string name, int field_number);

bool is_pipeline(const spec::Model& model);
// In the order in which they run; those of pipelines within in place of these. Empty for other models.
std::vector<PipelinePart> pipeline_parts(const std::shared_ptr<spec::Model>& model);

// "pipelineClassifier (featureVectorizer, glmClassifier)"
std::string describe_model(const spec::Model& model);

}  // namespace ane::coreml
