#include "h13/target.h"

#include <algorithm>

#include "h13/engine_op.h"
#include "h13/geometry.h"
#include "h13/tables.h"

namespace ane::h13 {

namespace {

bool is_coarse(aneir::NeuronType type) {
  using aneir::NeuronType;
  return type == NeuronType::Sigmoid || type == NeuronType::Tanh || type == NeuronType::Gelu ||
         type == NeuronType::Silu || type == NeuronType::GeluBySigmoid;
}

View view_of(const aneir::Shape& shape, int64_t channels) {
  View view;
  view.c = channels, view.h = shape.h, view.w = shape.w;
  return view;
}

// A rest of fewer channels than there are engines is a task of its own (split.cc).
bool fits_on_chip(const aneir::Conv& conv, const aneir::Shape& source, const aneir::Shape& result) {
  const int64_t engines = target().engines;
  const int64_t channels = result.c > engines ? result.c / engines * engines : result.c;
  EngineOp op;
  Convolution work;
  work.kernel_width = conv.kernel_width, work.kernel_height = conv.kernel_height;
  work.stride = std::max(conv.stride_x, conv.stride_y);
  work.pad_left = conv.pad_left, work.pad_top = conv.pad_top;
  op.work = std::move(work);
  op.source = view_of(source, source.c);
  op.destination = view_of(result, channels);
  return geometry(op, target()).fits;
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
  facts.fits_on_chip = fits_on_chip;
  facts.native_pooling = native_pooling;
  return facts;
}

}  // namespace ane::h13
