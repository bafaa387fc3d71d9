// The walk over a network that all passes share (rewrite.h).
#include "passes/rewrite.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace ane::passes {

namespace {

size_t index(TensorId id) {
  return static_cast<size_t>(id);
}

// Lets the last unit write `top` instead of the tensor it was made with, which nothing else names yet.
void take_over(Network& network, TensorId top) {
  Unit& last = network.units.back();
  ensure(network.tensor(last.top).shape == network.tensor(top).shape, "a pass changed the shape of a result");
  if (index(last.top) + 1 == network.tensors.size()) network.tensors.pop_back();
  last.top = top;
}

// What only moves elements, in as many steps as it takes, keeps their type.
bool only_moves(const Params& params) {
  return std::holds_alternative<aneir::Reshape>(params) || std::holds_alternative<aneir::Transpose>(params) ||
         std::holds_alternative<aneir::InputView>(params) || std::holds_alternative<aneir::Concat>(params) ||
         std::holds_alternative<aneir::Broadcast>(params);
}

}  // namespace

std::vector<int> count_readers(const Network& network) {
  std::vector<int> readers(network.tensors.size(), 0);
  for (const Unit& unit : network.units)
    for (const TensorId bottom : unit.bottoms) ++readers[index(bottom)];
  for (const aneir::Output& output : network.outputs) ++readers[index(output.tensor)];
  return readers;
}

std::vector<int> find_producers(const Network& network) {
  std::vector<int> producers(network.tensors.size(), -1);
  for (size_t i = 0; i < network.units.size(); ++i)
    producers[index(network.units[i].top)] = static_cast<int>(i);
  return producers;
}

const Unit* Replacement::producer(TensorId id) const {
  const int unit = index(id) < producers_.size() ? producers_[index(id)] : -1;
  return unit < 0 ? nullptr : &network_.units[static_cast<size_t>(unit)];
}

TensorId Replacement::add(std::string_view suffix, Params params, std::vector<TensorId> bottoms) {
  const std::string name = unit_.name + "_" + std::string(suffix);
  const bool keeps_type = only_moves(unit_.params) && only_moves(params);
  const aneir::ElementType type = keeps_type ? network_.tensor(bottoms[0]).type : aneir::ElementType::Float16;
  const TensorId top = network_.add_unit(name, std::move(params), std::move(bottoms), unit_.layer);
  if (type == network_.tensor(unit_.top).type) network_.tensor(top).type = type;
  network_.units.back().name = network_.tensor(top).name;
  producers_.resize(network_.tensors.size(), -1);
  producers_[index(top)] = static_cast<int>(network_.units.size()) - 1;
  return top;
}

TensorId Replacement::constant(std::string_view suffix, Shape shape, std::vector<float> values) {
  return add(suffix, aneir::ConstantTensor{shape, Constant::of_floats(std::move(values))}, {});
}

TensorId Replacement::view(std::string_view suffix, TensorId from, Axis axis, int64_t offset, int64_t size,
                           int64_t step) {
  if (size == shape(from)[axis]) return from;
  return add(suffix, aneir::InputView{axis, offset, size, size == 1 ? 1 : step}, {from});
}

TensorId Replacement::swap(std::string_view suffix, TensorId from, Axis a, Axis b) {
  if (a == b) return from;
  aneir::Transpose transpose;
  std::swap(transpose.source[static_cast<size_t>(a)], transpose.source[static_cast<size_t>(b)]);
  return add(suffix, transpose, {from});
}

TensorId Replacement::reshape(std::string_view suffix, TensorId from, Shape shape) {
  if (shape == this->shape(from)) return from;
  return add(suffix, aneir::Reshape{shape}, {from});
}

TensorId Replacement::scale(std::string_view suffix, TensorId from, float factor) {
  if (factor == 1) return from;
  aneir::Goc goc;
  goc.scale = factor;
  return add(suffix, goc, {from});
}

bool rewrite_units(Network& network, const Rewrite& rewrite) {
  std::vector<Unit> old = std::exchange(network.units, {});
  std::vector<int> producers(network.tensors.size(), -1);
  std::vector<TensorId> instead(network.tensors.size());
  for (size_t i = 0; i < instead.size(); ++i) instead[i] = static_cast<TensorId>(i);
  bool changed = false;
  for (Unit& unit : old) {
    for (TensorId& bottom : unit.bottoms) bottom = instead[index(bottom)];
    const size_t units_before = network.units.size();
    Replacement replacement(network, unit, producers);
    const TensorId result = rewrite(unit, replacement);
    const TensorId top = unit.top;
    if (result == no_tensor) {
      network.units.push_back(std::move(unit));
    } else {
      changed = true;
      const bool made_last = network.units.size() > units_before && network.units.back().top == result;
      if (!made_last) {
        instead[index(top)] = result;
        continue;
      }
      take_over(network, top);
    }
    producers[index(top)] = static_cast<int>(network.units.size()) - 1;
  }
  for (aneir::Output& output : network.outputs) output.tensor = instead[index(output.tensor)];
  return changed;
}

bool absorb_readers(Network& network, const Absorb& absorb) {
  return absorb_readers(network,
                        [&](Unit& producer, const Unit& reader, const aneir::ConstantTensor* constants) {
                          return !constants && absorb(producer, reader);
                        });
}

bool absorb_readers(Network& network, const AbsorbWithConstants& absorb) {
  const std::vector<int> readers = count_readers(network);
  std::vector<int> producers = find_producers(network);
  std::vector<bool> gone(network.units.size(), false);
  for (size_t i = 0; i < network.units.size(); ++i) {
    const Unit& reader = network.units[i];
    const auto producer_of = [&](size_t bottom) -> Unit* {
      const int at = producers[index(reader.bottoms[bottom])];
      return at < 0 ? nullptr : &network.units[static_cast<size_t>(at)];
    };
    if (reader.bottoms.empty() || reader.bottoms.size() > 2) continue;
    const bool two = reader.bottoms.size() == 2;
    const size_t operand = two && constants_of(producer_of(0)) ? 1 : 0;
    const aneir::ConstantTensor* constants = two ? constants_of(producer_of(1 - operand)) : nullptr;
    const TensorId between = reader.bottoms[operand];
    const int at = producers[index(between)];
    if (at < 0 || readers[index(between)] != 1 || (two && !constants)) continue;
    Unit& producer = network.units[static_cast<size_t>(at)];
    if (!absorb(producer, reader, constants)) continue;
    producer.top = reader.top;
    producers[index(reader.top)] = at;
    gone[i] = true;
  }
  size_t i = 0;
  return std::erase_if(network.units, [&](const Unit&) { return gone[i++]; }) != 0;
}

bool remove_dead_units(Network& network) {
  std::vector<int> readers = count_readers(network);
  std::vector<bool> dead(network.units.size(), false);
  for (size_t i = network.units.size(); i-- > 0;) {
    const Unit& unit = network.units[i];
    dead[i] = readers[index(unit.top)] == 0;
    if (!dead[i]) continue;
    for (const TensorId bottom : unit.bottoms) --readers[index(bottom)];
  }
  size_t i = 0;
  return std::erase_if(network.units, [&](const Unit&) { return dead[i++]; }) != 0;
}

const aneir::ConstantTensor* constants_of(const Unit* unit) {
  return unit ? unit->as<aneir::ConstantTensor>() : nullptr;
}

bool can_be_fused(const Neuron& neuron, const EngineFacts& facts) {
  if (neuron.input_scale != 1) return false;
  if (neuron.type == NeuronType::ReLU) return true;
  if (neuron.type == NeuronType::Exp || (neuron.type == NeuronType::Rsqrt && neuron.alpha != 0)) return false;
  return facts.has_table(neuron);
}

Conv depthwise(int64_t channels, int kernel_height, int kernel_width, float value) {
  Conv conv;
  conv.output_channels = conv.groups = channels;
  conv.kernel_height = kernel_height;
  conv.kernel_width = kernel_width;
  conv.weights = Constant::of_floats(
      std::vector<float>(static_cast<size_t>(channels * kernel_height * kernel_width), value));
  return conv;
}

bool is_deviation(const aneir::Reduction& reduction) {
  return reduction.type == aneir::ReductionType::MeanSquare &&
         reduction.axes == std::vector<Axis>{Axis::Height, Axis::Width} && reduction.activation &&
         reduction.activation->type == NeuronType::Rsqrt && reduction.activation->input_scale == 1;
}

}  // namespace ane::passes
