#include "h13/target.h"

#include "h13/tables.h"

namespace ane::h13 {

const Target& target() {
  static const Target h13;
  return h13;
}

aneir::EngineFacts engine_facts(bool native_pooling, bool coarse_sigmoid) {
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
  facts.has_table = [coarse_sigmoid](const aneir::Neuron& neuron) {
    return (coarse_sigmoid || neuron.type != aneir::NeuronType::Sigmoid) && table_for(neuron).has_value();
  };
  facts.native_pooling = native_pooling;
  return facts;
}

}  // namespace ane::h13
