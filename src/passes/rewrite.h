// What all passes are made of: asking who reads a tensor, and putting units in the place of one unit.
//
// A decomposition is one walk over the units in execution order. Units that it makes are appended where the
// old one stood, so the order stays topological by itself; the last of them takes over the old unit's result
// tensor, so readers and outputs notice nothing. A fusion changes a producer in place, lets it write its
// reader's tensor, and drops the reader.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "aneir/engine_facts.h"
#include "aneir/network.h"

namespace ane::passes {

using aneir::Axis;
using aneir::Constant;
using aneir::Conv;
using aneir::EngineFacts;
using aneir::Network;
using aneir::Neuron;
using aneir::NeuronType;
using aneir::no_tensor;
using aneir::Params;
using aneir::Shape;
using aneir::TensorId;
using aneir::Unit;

// Constants that passes invent (pooling weights, border maps, zeros) stay below this many elements, so that a
// small hostile file cannot ask for all memory. Units that would need more are left as they are.
inline constexpr int64_t max_invented_constant = int64_t{1} << 26;

// How many bottoms and network outputs name each tensor, indexed by TensorId.
std::vector<int> count_readers(const Network& network);

// Which unit produces each tensor: an index into network.units, or -1 for inputs and tensors of nobody.
std::vector<int> find_producers(const Network& network);

// Units written in place of `unit`: named like it with a suffix behind, of the same layer.
class Replacement {
 public:
  Replacement(Network& network, const Unit& unit, std::vector<int>& producers)
      : network_(network), unit_(unit), producers_(producers) {}

  Shape shape(TensorId id) const { return network_.tensor(id).shape; }
  // The unit before this place that produces `id`; null for network inputs.
  const Unit* producer(TensorId id) const;

  TensorId add(std::string_view suffix, Params params, std::vector<TensorId> bottoms);

  // Short forms. They return `from` itself when there is nothing to do.
  TensorId constant(std::string_view suffix, Shape shape, std::vector<float> values);
  TensorId view(std::string_view suffix, TensorId from, Axis axis, int64_t offset, int64_t size,
                int64_t step = 1);
  TensorId swap(std::string_view suffix, TensorId from, Axis a, Axis b);
  TensorId reshape(std::string_view suffix, TensorId from, Shape shape);
  TensorId scale(std::string_view suffix, TensorId from, float factor);

 private:
  Network& network_;
  const Unit& unit_;
  std::vector<int>& producers_;
};

// Calls `rewrite` for each unit. It may change the unit, or return the tensor that takes the place of the
// unit's result (made by units it added, or one that was there before); no_tensor keeps the unit. Returns
// whether any was replaced.
using Rewrite = std::function<TensorId(Unit& unit, Replacement& replacement)>;
bool rewrite_units(Network& network, const Rewrite& rewrite);

// Lets units absorb their readers. For each unit that reads one tensor, made by a unit and read by nobody
// else, calls absorb(producer, reader): true if the producer now does the reader's work as well. With the
// second form a reader may have one operand more, which is constants; without such they are null.
using Absorb = std::function<bool(Unit& producer, const Unit& reader)>;
bool absorb_readers(Network& network, const Absorb& absorb);
using AbsorbWithConstants =
    std::function<bool(Unit& producer, const Unit& reader, const aneir::ConstantTensor* constants)>;
bool absorb_readers(Network& network, const AbsorbWithConstants& absorb);

// Units whose results reach no output go.
bool remove_dead_units(Network& network);

// The constants of `unit`, null when it is null or none.
const aneir::ConstantTensor* constants_of(const Unit* unit);

// Can the pass that computes a convolution or a channel sum apply this function to its result? Its table can;
// a scale or offset before the table cannot, and the engine's e^x (a table of 2^x behind a scale) and rsqrt(x
// + epsilon) need one.
bool can_be_fused(const Neuron& neuron, const EngineFacts& facts);

// 1 / sqrt(mean of squares + epsilon) over whole planes, which one pass of the planar engine computes.
bool is_deviation(const aneir::Reduction& reduction);

// One kernel of `value` for each channel, stride 1, no padding.
Conv depthwise(int64_t channels, int kernel_height, int kernel_width, float value);

}  // namespace ane::passes
