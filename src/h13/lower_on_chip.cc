// Tensors that stay in L2 between tasks: which, in what layout, and how small operands get there.
//
// Rows in L2 are [row][channel][x], a channel's row taking a multiple of 16 bytes. A tensor that a planar
// task reads or writes has its rows spread over the banks; one that only passes through the NE has not
// (chain_pair_gelu_mm, chain_pair_mm_add).
#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/geometry.h"
#include "h13/lowering.h"

namespace ane::h13 {

namespace {

// Units that read and write L2 operands of any layout.
bool works_on_chip(const Unit& unit) {
  if (const auto* reduction = unit.as<aneir::Reduction>())
    return reduction->type != aneir::ReductionType::MeanSquare;
  return unit.as<aneir::Neuron>() || unit.as<aneir::Goc>() || unit.as<aneir::ElementWise>() ||
         unit.as<aneir::MatMul>() || unit.as<aneir::Softmax>() || unit.as<aneir::Normalize>();
}

bool is_planar(const Unit& unit) {
  if (const auto* neuron = unit.as<aneir::Neuron>()) return neuron->type == aneir::NeuronType::Abs;
  return !unit.as<aneir::MatMul>();
}

}  // namespace

std::vector<const Unit*> Lowering::readers(TensorId id) const {
  return readers_[static_cast<size_t>(id)];
}

bool Lowering::is_output(TensorId id) const {
  return std::any_of(network_.outputs.begin(), network_.outputs.end(),
                     [&](const aneir::Output& output) { return output.tensor == id; });
}

bool Lowering::stays_on_chip(TensorId id) const {
  const Unit* producer = producers_[static_cast<size_t>(id)];
  if (!composites_ || !producer || is_output(id) || is_bytes(id) || in_dram_.contains(id)) return false;
  const Shape& shape = network_.tensor(id).shape;
  if (shape.n != 1 || shape.d != 1 || bytes_of(shape) > target_.l2_bytes / 2) return false;
  if (producer->as<aneir::MatMul>() && !has_captured_form(*producer)) return false;
  const std::vector<const Unit*>& all = readers_[static_cast<size_t>(id)];
  return works_on_chip(*producer) &&
         std::all_of(all.begin(), all.end(), [](const Unit* reader) { return works_on_chip(*reader); });
}

View Lowering::on_chip(const std::string& name, int64_t w, int64_t h, int64_t c, int64_t row_stride,
                       int64_t dense_bytes, Buffer::Content content) {
  const int64_t pitch = round_up(w * 2, 16);
  View view;
  view.buffer = add_buffer(BufferKind::OnChip, name, row_stride * h);
  Buffer& buffer = result_.program.buffers.back();
  buffer.dense_bytes = dense_bytes;
  buffer.tensor = result_in_hand_;
  buffer.content = content;
  view.w = w, view.h = h, view.c = c;
  view.stride_c = pitch, view.stride_h = row_stride, view.image_bytes = c * pitch;
  view.on_chip = true;
  return view;
}

Layout Lowering::on_chip_layout(TensorId id) {
  const aneir::Tensor& tensor = network_.tensor(id);
  const Shape& shape = tensor.shape;
  const std::vector<const Unit*>& all = readers_[static_cast<size_t>(id)];
  const bool planar =
      is_planar(*producers_[static_cast<size_t>(id)]) ||
      std::any_of(all.begin(), all.end(), [](const Unit* reader) { return is_planar(*reader); });
  const int64_t depth = shape.c * round_up(shape.w * 2, 16);
  const int64_t row = planar && shape.h > 1 ? planar_row(depth, target_) : depth;
  Layout layout;
  layout.view = on_chip(tensor.name, shape.w, shape.h, shape.c, row, shape.count() * 2);
  layout.stride_n = layout.view.image_bytes;
  return layout;
}

View Lowering::keep_source(const std::string& name) {
  EngineOp& op = last_op();
  const L2Operand place = h13::kept_source(is_neural(op), op.source, target_);
  View view = op.source;
  view.buffer = op.kept = add_buffer(BufferKind::OnChip, name, place.row * view.h);
  buffer(view.buffer).tensor = result_in_hand_;
  buffer(view.buffer).dense_bytes = view.w * view.h * view.c * view.d * (view.bytes ? 1 : 2);
  view.offset = 0;
  view.on_chip = true;
  view.stride_c = place.channel, view.stride_h = place.row, view.image_bytes = place.depth;
  view.stride_g = 0;
  return view;
}

View Lowering::bring(const Unit& unit, const View& operand) {
  const int64_t depth = operand.c * round_up(operand.w * 2, 16);
  const int64_t row = operand.h > 1 ? planar_row(depth, target_) : depth;
  const View resident = on_chip(unit.name + "_operand", operand.w, operand.h, operand.c, row,
                                operand.w * operand.h * operand.c * 2);
  add_op(unit, Bypass{}, operand, resident);
  return resident;
}

View Lowering::view_of(TensorId id) {
  const Layout& place = layout(id);
  if (place.n != 1)
    throw Error("", network_.tensor(id).name, "this unit is not done for batches of more than one",
                "compile the model for a batch of one");
  return place.view;
}

View Lowering::destination_of(const Unit& unit) {
  resolve(unit.top);
  return view_of(unit.top);
}

View Lowering::output_surface(TensorId id) {
  for (size_t i = 0; i < network_.outputs.size(); ++i) {
    if (network_.outputs[i].tensor != id) continue;
    Home& home = homes_[static_cast<size_t>(id)];
    home.kind = Home::Kind::Surface;
    home.surface = static_cast<int>(i);
    break;
  }
  resolve(id);
  return view_of(id);
}

// Rows of constants as a tensor of one channel in the constant section, rows padded to the DMA's alignment.
View Lowering::constant_rows(const Unit& unit, const std::vector<std::vector<float>>& rows) {
  Shape shape;
  shape.h = static_cast<int64_t>(rows.size());
  shape.w = static_cast<int64_t>(rows[0].size());
  std::vector<float> values;
  for (const std::vector<float>& row : rows) values.insert(values.end(), row.begin(), row.end());
  const int buffer = add_buffer(BufferKind::Constant, unit.name + "_constants", bytes_of(shape));
  result_.program.buffers.back().constant =
      in_surface_layout(aneir::Constant::of_floats(std::move(values)), shape);
  return compact(buffer, shape).view;
}

}  // namespace ane::h13
