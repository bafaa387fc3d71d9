// Parts of networks. An engine that cannot do a model's head or tail (look-ups in a large vocabulary,
// non-maximum suppression, custom code) may well do what lies between, and the processor the rest. A cut says
// where that part begins and ends; what no output of the part needs falls away from the source as it was
// read, before anything is checked or refused, so that everything behind sees a model that has only the part.
//
// Names that a network writes more than once mean the last value.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "coreml/model.h"
#include "driver/graph.h"
#include "espresso/net.h"
#include "mil/program.h"

namespace ane::driver {

struct Cut {
  std::vector<std::string> from;  // tensors that are given instead of computed: inputs of the part
  std::vector<std::string> to;    // outputs of the part, in this order; empty: the model's own

  bool is_whole() const { return from.empty() && to.empty(); }
};

// What a cut leaves of a network.
struct Part {
  // A result that is given from outside, of a step that something else is wanted of, has another name.
  struct Renamed {
    size_t step = 0, write = 0;  // of the graph's step, which of its writes
    std::string name;
  };
  std::vector<bool> steps;       // those of the graph that are left
  std::set<std::string> inputs;  // those of the graph's inputs that are left
  std::vector<Renamed> renamed;
};

// Throws Error, naming option, tensor and remedy, for names that the network does not have (with some that
// are like them), that are given twice, that are inputs already, or that no output needs. `file` is for
// messages.
Part part_of(const Graph& graph, const Cut& cut, const std::string& file);

// The three forms. Inputs that `cut` makes have the type that the model says the tensor has: of ML Programs
// its own, of compiled networks its shape. Of neural networks it follows from the layers before it, or stands
// in `shapes`; from these go all that are used up here. Throws Error where there is neither. Classes stay
// while the scores are an output.
void cut_model(coreml::spec::Model& model, const Cut& cut, coreml::ChosenShapes& shapes,
               const std::string& file);
void cut_function(mil::Function& function, const Cut& cut, const std::string& file);
void cut_net(espresso::Net& net, const Cut& cut);

}  // namespace ane::driver
