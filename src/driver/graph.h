// A network as the forms have it in common: steps that read and write named values. What is said of parts of
// networks (cut.h, proposal.h) is said of this.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coreml/model.h"
#include "espresso/net.h"
#include "mil/program.h"

namespace ane::driver {

struct Graph {
  // A layer or an operation. Control flow reads what the networks or blocks within it read.
  struct Step {
    std::string name, type;
    std::vector<std::string> reads, writes;
    std::vector<std::string> within;  // values of blocks within, which nothing outside can read
  };
  std::vector<std::string> inputs, outputs;
  std::vector<Step> steps;  // in the order in which they run
};

// Of a model that is no neural network there is nothing.
Graph graph_of(const coreml::spec::Model& model);
Graph graph_of(const mil::Function& function);
Graph graph_of(const espresso::Net& net);

// A convolution, a product of matrices, a recurrence: the work that networks are compiled for.
bool is_work(const Graph::Step& step);

// Who writes what is read. A name that is written again stands for another value from then on.
struct Wiring {
  explicit Wiring(const Graph& graph);

  struct Value {
    std::string name;
    std::optional<size_t> step;  // that writes it; none: an input, or nothing that is known
  };
  // Whether `value` is what its name means to the user: the last of this name.
  bool is_last(size_t value) const { return last.at(values[value].name) == value; }

  std::vector<Value> values;
  std::vector<std::vector<size_t>> reads, writes;  // values, of each step
  std::map<std::string, size_t> last;              // by name
};

}  // namespace ane::driver
