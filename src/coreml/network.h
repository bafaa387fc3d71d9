// What the three kinds of neural network models have in common, behind one face: the message has three
// unrelated types with the same fields.
#pragma once

#include <Model.pb.h>

#include <string>

#include "coreml/model.h"

namespace ane::coreml {

struct Network {
  const google::protobuf::RepeatedPtrField<spec::NeuralNetworkLayer>* layers;
  const google::protobuf::RepeatedPtrField<spec::NeuralNetworkPreprocessing>* preprocessing;
  bool exact_arrays, exact_images;  // inputs keep their declared rank instead of rank 5
};

// Writes chosen shapes of inputs in place of the default ones.
void choose_shapes(spec::Model& model, const ChosenShapes& shapes, const std::string& file);

// One input, without preprocessing.
Feature read_input(const spec::FeatureDescription& description, const Network& network,
                   const std::string& file);

// The inputs with their shapes and preprocessing. Fills `model.inputs`; the file's name must be set.
void read_inputs(const Network& network, Model& model);

// Fills `model.outputs` and, for classifiers, the labels and names. Shapes of all blobs must be known.
void read_outputs(Model& model);

}  // namespace ane::coreml
