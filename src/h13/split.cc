// Three limits make one operation several tasks.
//
// Engines: output channels are dealt to 16 engines in equal shares. Whole shares and a rest of fewer than 16
// channels (one each) are both in captured programs; a mixture is not, so the rest becomes a task of its own.
//
// Kernel memory: 64 KiB an engine hold bias row, table and weights of a task, unless the whole output fits
// one patch: then the kernel streams. The first task emitted takes the odd share, and channels run from the
// last to the first, as Apple's compiler does it.
//
// On-chip memory: rows are tiled inside a task (geometry.cc). Where not even one tile fits, operations that
// treat channels alone are cut by channels.
#include "h13/split.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "h13/geometry.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

View channels_of(const View& view, int64_t first, int64_t count) {
  View part = view;
  part.c = count;
  part.offset += first * view.stride_c;
  return part;
}

[[noreturn]] void too_large(const EngineOp& op, const std::string& why) {
  throw Error("", fmt::format("{} ({})", op.layer.empty() ? op.unit : op.layer, describe(op)), why,
              "reduce the layer's size");
}

// Output channels first .. first + count of a convolution; depthwise ones read the same input channels.
EngineOp part_of(const EngineOp& op, int64_t first, int64_t count) {
  EngineOp part = op;
  auto& work = std::get<Convolution>(part.work);
  work.first_channel += first;
  part.destination = channels_of(op.destination, first, count);
  if (work.form == Convolution::Form::Depthwise) {
    part.source = channels_of(op.source, first, count);
    work.groups = count;
  }
  return part;
}

// `groups` whole groups of a grouped convolution.
EngineOp groups_of(const EngineOp& op, int64_t first, int64_t groups) {
  const auto& whole = std::get<Convolution>(op.work);
  const int64_t in = op.source.c / whole.groups, out = op.destination.c / whole.groups;
  EngineOp part = op;
  auto& work = std::get<Convolution>(part.work);
  work.groups = groups;
  work.first_channel += first * out;
  part.source = channels_of(op.source, first * in, groups * in);
  part.destination = channels_of(op.destination, first * out, groups * out);
  return part;
}

// Calls emit(first, count) for shares of at most `largest`, in emission order: the odd share is the last
// range of channels and comes first.
template <typename Emit>
void from_the_end(int64_t total, int64_t largest, Emit emit) {
  const int64_t whole = (total + largest - 1) / largest - 1;
  int64_t end = total;
  int64_t count = total - whole * largest;
  while (end > 0) {
    emit(end - count, count);
    end -= count;
    count = largest;
  }
}

// How many lanes of one engine fit its kernel memory.
int64_t lanes_that_fit(const EngineOp& op, const Target& target) {
  const auto& work = std::get<Convolution>(op.work);
  const int64_t room =
      target.kernel_bytes_per_engine - (work.table ? static_cast<int64_t>(sizeof(Table)) : 0);
  const int64_t lanes = room / lane_bytes(work, op.source.c);
  if (lanes >= target.max_lanes) return lanes / target.max_lanes * target.max_lanes;
  return lanes > 1 ? lanes / 2 * 2 : lanes;
}

// A buffer on chip for the whole source of `op`, and the source as it lies there.
int keep_source(const EngineOp& op, const Geometry& g, EngineProgram& program) {
  Buffer buffer;
  buffer.kind = BufferKind::OnChip;
  buffer.name = op.unit + "_source";
  buffer.bytes = g.source.row * op.source.h;
  buffer.dense_bytes = op.source.c * op.source.h * op.source.w * 2;
  program.buffers.push_back(std::move(buffer));
  return static_cast<int>(program.buffers.size()) - 1;
}

View kept_view(const View& source, const Geometry& g, int buffer) {
  View view = source;
  view.buffer = buffer;
  view.offset = 0;
  view.on_chip = true;
  view.stride_c = g.source.channel, view.stride_h = g.source.row, view.image_bytes = g.source.depth;
  view.stride_g = 0;
  return view;
}

void split_dense(const EngineOp& op, const Target& target, EngineProgram& program,
                 std::vector<EngineOp>& out) {
  const Geometry g = geometry(op, target);
  const int64_t engines = std::min<int64_t>(target.engines, op.destination.c);
  const int64_t lanes = op.destination.c / engines;
  if (g.small) {
    out.push_back(op);
    return;
  }
  const int64_t fit = lanes_that_fit(op, target);
  if (fit >= lanes || (fit >= 1 && lanes == 1)) {
    out.push_back(op);
    return;
  }
  if (fit == 0)
    too_large(
        op,
        fmt::format("one output channel's kernel needs {} bytes; an engine's kernel memory holds {}",
                    lane_bytes(std::get<Convolution>(op.work), op.source.c), target.kernel_bytes_per_engine));
  // The parts share an input that fits on chip whole: the first brings it and leaves it there. Strided ones
  // all name the lanes of the widest (captured twice).
  EngineOp keeping = op;
  keeping.kept = 0;
  const Geometry whole = geometry(keeping, target);
  const bool shared = whole.fits && whole.tile == op.destination.h && !op.source.on_chip;
  const bool sparse = is_sparse(std::get<Convolution>(op.work));
  int kept = -1;
  from_the_end(lanes, fit, [&](int64_t first, int64_t count) {
    EngineOp part = part_of(op, first * engines, count * engines);
    auto& work = std::get<Convolution>(part.work);
    if (sparse) work.widest_lanes = std::min<int64_t>(fit, lane_cap(work, op.source, target));
    if (shared && kept < 0)
      part.kept = kept = keep_source(op, whole, program);
    else if (shared)
      part.source = kept_view(op.source, whole, kept);
    out.push_back(std::move(part));
  });
}

void split_grouped(const EngineOp& op, const Target& target, std::vector<EngineOp>& out) {
  const auto& work = std::get<Convolution>(op.work);
  const int64_t lanes = op.destination.c / work.groups / target.engines;
  const int64_t group_bytes = round_up(lanes * lane_bytes(work, op.source.c / work.groups), 64);
  int64_t groups = target.kernel_bytes_per_engine / group_bytes;
  if (groups >= work.groups || geometry(op, target).small) {
    out.push_back(op);
    return;
  }
  if (groups > 1) groups = groups / 2 * 2;
  if (groups == 0)
    too_large(op, fmt::format("one group's kernel needs {} bytes an engine; its kernel memory holds {}",
                              group_bytes, target.kernel_bytes_per_engine));
  from_the_end(work.groups, groups,
               [&](int64_t first, int64_t count) { out.push_back(groups_of(op, first, count)); });
}

// Depthwise work whose image does not fit on chip is cut by channels, in halves that keep whole engine
// shares.
void split_depthwise(const EngineOp& op, const Target& target, std::vector<EngineOp>& out) {
  if (geometry(op, target).fits) {
    out.push_back(op);
    return;
  }
  const int64_t shares = op.destination.c / target.engines;
  if (shares < 2) too_large(op, "one row of its image does not fit the on-chip memory");
  const int64_t half = shares / 2 * target.engines;
  split_depthwise(part_of(op, 0, half), target, out);
  split_depthwise(part_of(op, half, op.destination.c - half), target, out);
}

void split_convolution(const EngineOp& op, const Target& target, EngineProgram& program,
                       std::vector<EngineOp>& out) {
  const auto form = std::get<Convolution>(op.work).form;
  if (form == Convolution::Form::Grouped) {
    if (!geometry(op, target).fits) too_large(op, "its image does not fit the on-chip memory");
    split_grouped(op, target, out);
    return;
  }
  const int64_t channels = op.destination.c, rest = channels % target.engines;
  if (channels > target.engines && rest != 0) {
    split_convolution(part_of(op, channels - rest, rest), target, program, out);
    split_convolution(part_of(op, 0, channels - rest), target, program, out);
    return;
  }
  if (form == Convolution::Form::Depthwise) {
    split_depthwise(op, target, out);
    return;
  }
  if (!geometry(op, target).fits)
    too_large(op, fmt::format("{} input channels of {} columns do not fit the on-chip memory together",
                              op.source.c, op.source.w));
  split_dense(op, target, program, out);
}

// Work that treats each channel alone, too large on chip: halves of its channels.
void split_channelwise(const EngineOp& op, const Target& target, std::vector<EngineOp>& out) {
  if (geometry(op, target).fits) {
    out.push_back(op);
    return;
  }
  const auto* bypass = std::get_if<Bypass>(&op.work);
  const bool apart = !std::holds_alternative<ChannelReduce>(op.work) && !(bypass && bypass->transpose);
  if (op.source.c < 2 || !apart) too_large(op, "its image does not fit the on-chip memory");
  const int64_t half = op.source.c / 2;
  const auto take = [&](int64_t first, int64_t count) {
    EngineOp part = op;
    part.source = channels_of(op.source, first, count);
    part.destination = channels_of(op.destination, first, count);
    if (op.source2 && op.source2->c > 1) part.source2 = channels_of(*op.source2, first, count);
    split_channelwise(part, target, out);
  };
  take(0, half);
  take(half, op.source.c - half);
}

}  // namespace

void split(EngineProgram& program, const Target& target) {
  std::vector<EngineOp> tasks;
  for (const EngineOp& op : program.ops) {
    // Matrix products are lowered in parts already, and so is what leaves its result on chip.
    const auto* work = std::get_if<Convolution>(&op.work);
    const bool whole = op.destination.on_chip || op.kept >= 0 || (work && (work->transpose || work->kernel));
    if (work && !whole)
      split_convolution(op, target, program, tasks);
    else if (whole || op.source.on_chip)
      tasks.push_back(op);
    else
      split_channelwise(op, target, tasks);
  }
  program.ops = std::move(tasks);
}

}  // namespace ane::h13
