#include "h13/data_flow.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/intervals.h"

namespace ane::h13 {

namespace {

constexpr uint64_t dram_granule = 64, l2_granule = 16;  // rows begin at multiples

Extents extents_of(const View& view) {
  const bool side_by_side = view.stride_c == 2 && view.c > 1;
  const int64_t row = (side_by_side ? view.c : view.w * view.interleave) * (view.bytes ? 1 : 2);
  const int64_t planes = side_by_side ? 1 : (view.c + view.interleave - 1) / view.interleave;
  std::array<std::pair<int64_t, int64_t>, 4> axes = {
      {{view.stride_h, view.h},
       {view.stride_c, planes},
       {view.image_bytes, view.d},
       {view.stride_g ? view.stride_g : view.image_bytes, view.g}}};
  std::sort(axes.begin(), axes.end());
  Extents extents(static_cast<uint64_t>(view.offset), static_cast<uint64_t>(row),
                  view.on_chip ? l2_granule : dram_granule);
  for (const auto& [stride, count] : axes)
    extents.repeat(static_cast<uint64_t>(count), static_cast<uint64_t>(stride));
  return extents;
}

struct Writer {
  int64_t op = -1;
  friend bool operator==(const Writer&, const Writer&) = default;
};

}  // namespace

std::vector<Origins> data_flow(const EngineProgram& program) {
  std::map<int, Intervals<Writer>> writers;  // by buffer
  std::vector<Origins> sources(program.ops.size());
  for (size_t i = 0; i < program.ops.size(); ++i) {
    const EngineOp& op = program.ops[i];
    const auto read = [&](size_t operand, const View& view, const Extents& extents) {
      extents.visit(writers[view.buffer], [&](uint64_t, const Writer& writer) {
        if (writer.op >= 0) sources[i][operand].insert(writer.op);
      });
    };
    read(0, op.source, extents_of(op.source));
    if (op.source2 && std::holds_alternative<GainOffset>(op.work)) {
      // Named by the first of two rows, which are all that the buffer holds.
      const int64_t bytes = program.buffers[static_cast<size_t>(op.source2->buffer)].bytes;
      read(1, *op.source2, Extents(0, static_cast<uint64_t>(bytes), l2_granule));
    } else if (op.source2) {
      read(1, *op.source2, extents_of(*op.source2));
    }
    if (const auto* work = std::get_if<Convolution>(&op.work); work && work->kernel)
      read(2, *work->kernel, extents_of(*work->kernel));
    extents_of(op.destination).visit(writers[op.destination.buffer], [&](uint64_t, Writer& writer) {
      writer.op = static_cast<int64_t>(i);
    });
  }
  return sources;
}

}  // namespace ane::h13
