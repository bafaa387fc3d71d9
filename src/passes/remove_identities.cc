// Units that do nothing, and units whose work their reader can do as well, go.
//
// Importers write what the source format says: a Broadcast before every elementwise layer of unequal shapes,
// a Reshape for every flatten, even where nothing changes. Decompositions add pairs of transpositions that
// cancel. Removing all of these in one pass, run first and last, keeps the other passes free of such cases:
// each may emit what is simplest.
//
// An identity is only removed where it does not change the element type: an 8-bit input must be read by some
// unit that converts it.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::all_axes;
using aneir::Transpose;

bool is_identity(const aneir::Goc& goc) {
  return goc.scale == 1 && goc.offset == 0 && !goc.channel_scale && !goc.channel_offset;
}

// A transposition does nothing when the axes longer than 1 stay where they are and in order.
bool is_identity(const Transpose& transpose, const Shape& from, const Shape& to) {
  if (from != to) return false;
  return std::all_of(all_axes.begin(), all_axes.end(), [&](Axis axis) {
    return from[axis] == 1 || transpose.source[static_cast<size_t>(axis)] == axis;
  });
}

// Does the result equal the only operand, which has the result's shape?
bool is_identity(const Unit& unit, const Shape& from, const Shape& to) {
  if (const auto* transpose = unit.as<Transpose>()) return is_identity(*transpose, from, to);
  if (const auto* goc = unit.as<aneir::Goc>()) return is_identity(*goc);
  if (const auto* reduction = unit.as<aneir::Reduction>()) return from == to && !reduction->activation;
  if (const auto* broadcast = unit.as<aneir::Broadcast>()) return from == to && !broadcast->relu;
  if (unit.as<aneir::Reshape>() || unit.as<aneir::InputView>()) return from == to;
  return false;
}

// `second` after `first` as one transposition.
Transpose merged(const Transpose& first, const Transpose& second) {
  Transpose both;
  for (size_t i = 0; i < both.source.size(); ++i)
    both.source[i] = first.source[static_cast<size_t>(second.source[i])];
  return both;
}

// Reads past a Reshape or Transpose of the same kind, when nobody else needs what lies between.
bool merge_with_producer(Unit& unit, const Unit& producer) {
  if (unit.as<aneir::Reshape>() && producer.as<aneir::Reshape>()) {
    unit.bottoms = producer.bottoms;
    return true;
  }
  const auto* first = producer.as<Transpose>();
  auto* second = unit.as<Transpose>();
  if (!first || !second) return false;
  *second = merged(*first, *second);
  unit.bottoms = producer.bottoms;
  return true;
}

// Does the unit take back what its producer did? Then it can be read past whoever else reads the producer.
bool takes_back(const Unit& unit, const Unit& producer, const Replacement& here) {
  if (producer.bottoms.empty()) return false;
  const Shape from = here.shape(producer.bottoms[0]), to = here.shape(unit.top);
  if (unit.as<aneir::Reshape>() && producer.as<aneir::Reshape>()) return from == to;
  const auto* first = producer.as<Transpose>();
  const auto* second = unit.as<Transpose>();
  return first && second && is_identity(merged(*first, *second), from, to);
}

// Elementwise units broadcast by themselves: operands are taken from before their Broadcast, where the other
// operand still gives the result its shape.
bool drop_broadcasts(Unit& unit, const Replacement& here) {
  bool dropped = false;
  for (TensorId& bottom : unit.bottoms) {
    const Unit* producer = here.producer(bottom);
    const auto* broadcast = producer ? producer->as<aneir::Broadcast>() : nullptr;
    if (!broadcast || broadcast->relu) continue;
    const TensorId kept = bottom;
    bottom = producer->bottoms[0];
    const Shape shapes[] = {here.shape(unit.bottoms[0]), here.shape(unit.bottoms[1])};
    if (aneir::result_shape(unit.params, shapes, unit.name) == here.shape(unit.top))
      dropped = true;
    else
      bottom = kept;
  }
  return dropped;
}

}  // namespace

bool remove_identities(Network& network, const EngineFacts&) {
  const std::vector<int> readers = count_readers(network);
  bool simplified = false;
  const bool removed = rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    if (unit.as<aneir::ElementWise>()) {
      simplified |= drop_broadcasts(unit, here);
      return no_tensor;
    }
    if (unit.bottoms.size() != 1) return no_tensor;
    const TensorId between = unit.bottoms[0];
    const Unit* producer = here.producer(between);
    const bool private_tensor =
        static_cast<size_t>(between) < readers.size() && readers[static_cast<size_t>(between)] == 1;
    if (producer && (private_tensor || takes_back(unit, *producer, here)))
      simplified |= merge_with_producer(unit, *producer);
    const TensorId from = unit.bottoms[0];
    const bool same_type = network.tensor(from).type == network.tensor(unit.top).type;
    return same_type && is_identity(unit, here.shape(from), here.shape(unit.top)) ? from : no_tensor;
  });
  const bool died = remove_dead_units(network);
  return simplified || removed || died;
}

}  // namespace ane::passes
