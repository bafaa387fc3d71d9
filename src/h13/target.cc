#include "h13/target.h"

#include "h13/tables.h"

namespace ane::h13 {

namespace {

bool is_coarse(aneir::NeuronType type) {
  using aneir::NeuronType;
  return type == NeuronType::Sigmoid || type == NeuronType::Tanh || type == NeuronType::Gelu ||
         type == NeuronType::Silu || type == NeuronType::GeluBySigmoid;
}

}  // namespace

const Target& target() {
  static const Target h13;
  return h13;
}

aneir::EngineFacts engine_facts(bool native_pooling, bool coarse_tables) {
  const Target& h13 = target();
  aneir::EngineFacts facts;
  facts.max_kernel_width = h13.max_kernel_width;
  facts.max_kernel_height = h13.max_kernel_height;
  facts.max_padding = h13.max_padding;
  facts.max_stride = h13.max_stride;
  facts.max_width = h13.max_width;
  facts.max_height = h13.max_height;
  facts.max_channels = h13.max_channels;
  facts.engines = h13.engines;
  facts.on_chip_bytes = h13.l2_bytes;
  facts.has_table = [coarse_tables](const aneir::Neuron& neuron) {
    return (coarse_tables || !is_coarse(neuron.type)) && table_for(neuron).has_value();
  };
  facts.native_pooling = native_pooling;
  return facts;
}

}  // namespace ane::h13
