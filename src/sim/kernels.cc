// The reverse of packing (docs/h13-rules.md): which engine holds which output channel, in which order the
// taps stand, and how zeros are skipped.
//
// A stream is: the table, the palette, then planes. A plane holds a few consecutive output channels (lanes)
// of one engine: a bias row, then for each input channel and kernel position one value for each lane. The
// lanes of the planes follow from the channel count and OCGSize alone: as many as 32 (OCGSize 5) or 16
// (otherwise) while they last.
//
// Values are fp16 or, as captured for comparisons only (less_bool_rr_1x64x1x1, whose constants' hash pins
// them), int8: one byte for each value, otherwise the same planes.
#include "sim/kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "base/parallel.h"
#include "sim/numerics.h"

namespace ane::sim {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;

constexpr int64_t most_engines = 16;
constexpr uint32_t format_int8 = 1, format_half = 2;

// The bytes of one engine's stream.
class Stream {
 public:
  Stream(const Memory& memory, uint64_t base, uint64_t size, int64_t engine)
      : memory_(memory), base_(base), size_(size), engine_(engine) {
    memory.check_range(base, size);
  }

  const uint8_t* take(uint64_t bytes) {
    if (bytes > size_ - at_)
      throw Hazard(fmt::format(
          "the coefficients of engine {} end after 0x{:x} bytes, before their weights do", engine_, size_));
    const uint8_t* data = memory_.read(base_ + at_, bytes);
    at_ += bytes;
    return data;
  }
  float half() { return value(take(2)); }
  float int8() { return static_cast<float>(static_cast<int8_t>(*take(1))); }
  uint64_t position() const { return at_; }
  void align() { at_ = std::min((at_ + 63) / 64 * 64, size_); }

  static float value(const uint8_t* bytes) {
    Half half;
    std::memcpy(&half.bits, bytes, 2);
    return as_operand(to_float(half));
  }

 private:
  const Memory& memory_;
  uint64_t base_, size_, at_ = 0;
  int64_t engine_;
};

// Where the values of a plane belong: kernel positions in stream order, and for each the tap that every
// output phase has there (-1: none).
struct Layout {
  int64_t inputs = 1, taps = 1, phases = 1;
  std::vector<std::vector<int64_t>> positions;  // [position][phase]
  int64_t sparse_slots = 1;                     // lanes of a position, padded, for one lane
  bool bias = false, sparse = false, binary = false, int8 = false;
};

// Positions by stride phase: all offsets that are multiples of the strides first, then those one column
// further, ... A task that makes several pixels at each step has a copy of the kernel for each, shifted.
Layout layout_of(const h13::Task& task, const Descriptor& descriptor) {
  const Window& window = descriptor.window;
  Layout layout;
  layout.inputs = inputs_per_output(task, descriptor);
  layout.taps = window.width * window.height;
  layout.phases = window.outputs_x * window.outputs_y;
  layout.bias = task.get(Field::MACCfg_BiasMode) != 0;
  layout.sparse = task.get(Field::KernelCfg_SparseFmt) != 0;
  layout.binary = task.get(Field::KernelCfg_SparseBinary) != 0;
  layout.int8 = task.get(Field::KernelCfg_KernelFmt) == format_int8;
  const int64_t step_x = window.stride_x / window.outputs_x, step_y = window.stride_y / window.outputs_y;
  const int64_t reach_x = window.width + (window.outputs_x - 1) * step_x;
  const int64_t reach_y = window.height + (window.outputs_y - 1) * step_y;
  const int64_t columns = (reach_x + window.stride_x - 1) / window.stride_x;
  const int64_t rows = (reach_y + window.stride_y - 1) / window.stride_y;
  const auto tap = [&](int64_t y, int64_t x, int64_t phase) -> int64_t {
    y -= phase / window.outputs_x * step_y, x -= phase % window.outputs_x * step_x;
    return y >= 0 && y < window.height && x >= 0 && x < window.width ? y * window.width + x : -1;
  };
  for (int64_t phase_y = 0; phase_y < window.stride_y; ++phase_y)
    for (int64_t phase_x = 0; phase_x < window.stride_x; ++phase_x)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column) {
          const int64_t y = row * window.stride_y + phase_y, x = column * window.stride_x + phase_x;
          std::vector<int64_t> taps;
          for (int64_t phase = 0; phase < layout.phases; ++phase) taps.push_back(tap(y, x, phase));
          if (!layout.sparse && (y >= reach_y || x >= reach_x))
            throw Hazard("a dense kernel with empty stride positions; how those are stored is not known");
          layout.positions.push_back(std::move(taps));
        }
  layout.sparse_slots = window.stride_x * window.stride_y;
  return layout;
}

// Output channels first .. first + lanes of one kernel.
struct Plane {
  int64_t first = 0, lanes = 1;
};

class PlaneReader {
 public:
  PlaneReader(const Layout& layout, Coefficients& into) : layout_(layout), into_(into) {}

  void read(Stream& stream, int64_t kernel, const Plane& plane, float palette) {
    if (layout_.phases > 1 && plane.lanes > 1)
      throw Hazard("several output pixels for each step with interleaved channels; their order is not known");
    const int64_t base = kernel * into_.channels + plane.first;
    for (int64_t lane = 0; layout_.bias && lane < plane.lanes; ++lane)
      for (int64_t phase = 0; phase < layout_.phases; ++phase)
        into_.bias[static_cast<size_t>(base + lane)] = stream.half();
    seen_.assign(static_cast<size_t>(layout_.inputs * layout_.taps * (layout_.phases > 1 ? 1 : 0)), 0);
    if (layout_.sparse)
      read_sparse(stream, base, plane.lanes, palette);
    else
      read_dense(stream, base, plane.lanes);
  }

 private:
  void read_dense(Stream& stream, int64_t base, int64_t lanes) {
    if (layout_.int8) return read_int8(stream, base, lanes);
    for (int64_t input = 0; input < layout_.inputs; ++input)
      for (const std::vector<int64_t>& taps : layout_.positions) {
        const uint8_t* values = stream.take(static_cast<uint64_t>(lanes * layout_.phases) * 2);
        for (int64_t lane = 0; lane < lanes; ++lane)
          for (int64_t phase = 0; phase < layout_.phases; ++phase, values += 2)
            put(base + lane, input, taps[static_cast<size_t>(phase)], Stream::value(values));
      }
  }

  void read_int8(Stream& stream, int64_t base, int64_t lanes) {
    for (int64_t input = 0; input < layout_.inputs; ++input)
      for (const std::vector<int64_t>& taps : layout_.positions)
        for (int64_t lane = 0; lane < lanes; ++lane) put(base + lane, input, taps.front(), stream.int8());
  }

  void read_sparse(Stream& stream, int64_t base, int64_t lanes, float palette) {
    const int64_t padded = std::max(layout_.sparse_slots, lanes * layout_.phases);
    const uint8_t* count_bytes = stream.take(3);
    const uint64_t count = count_bytes[0] | static_cast<uint64_t>(count_bytes[1]) << 8 |
                           static_cast<uint64_t>(count_bytes[2]) << 16;
    const uint64_t start = stream.position();
    const int64_t slots = static_cast<int64_t>(layout_.positions.size()) * padded;
    for (int64_t input = 0; input < layout_.inputs; ++input)
      for (int64_t slot = 0; slot < slots; slot += 8) {
        const uint8_t mask = *stream.take(1);
        for (int64_t bit = 0; bit < 8; ++bit) {
          const bool set = (mask >> bit) & 1;
          const float value = !set ? 0.0f : layout_.binary ? palette : stream.half();
          put_slot(base, lanes, input, slot + bit, padded, value, set);
        }
      }
    if (stream.position() - start != count)
      throw Hazard(
          fmt::format("a sparse plane claims 0x{:x} bytes and has 0x{:x}", count, stream.position() - start));
  }

  void put_slot(int64_t base, int64_t lanes, int64_t input, int64_t slot, int64_t padded, float value,
                bool set) {
    const auto position = static_cast<size_t>(slot / padded);
    const int64_t within = slot % padded, lane = within / layout_.phases, phase = within % layout_.phases;
    const bool empty = position >= layout_.positions.size() || lane >= lanes ||
                       layout_.positions[position][static_cast<size_t>(phase)] < 0;
    if (!empty)
      put(base + lane, input, layout_.positions[position][static_cast<size_t>(phase)], value);
    else if (set)
      throw Hazard("a sparse plane has a value where no tap is");
  }

  void put(int64_t channel, int64_t input, int64_t tap, float value) {
    if (tap < 0) {
      if (value != 0) throw Hazard("a kernel has a value where no tap is");
      return;
    }
    const int64_t within = input * layout_.taps + tap;
    float& weight = into_.weights[static_cast<size_t>(channel * into_.length + within)];
    if (layout_.phases > 1) {
      if (seen_[static_cast<size_t>(within)] && weight != value)
        throw Hazard("output pixels of one step have different kernels; what that computes is not known");
      seen_[static_cast<size_t>(within)] = 1;
    }
    weight = value;
  }

  const Layout& layout_;
  Coefficients& into_;
  std::vector<uint8_t> seen_;  // taps that an earlier phase of this plane gave
};

// The planes of one engine, for one kernel.
std::vector<Plane> planes_of(int64_t engine, int64_t engines, int64_t channels, bool unicast, int64_t cap) {
  std::vector<Plane> planes;
  if (unicast || channels <= engines) {
    for (int64_t channel = engine; channel < channels; channel += engines) planes.push_back({channel, 1});
    return planes;
  }
  if (channels % engines != 0)
    throw Hazard(fmt::format("{} output channels on {} engines; how they are dealt out is not known",
                             channels, engines));
  for (int64_t start = 0; start < channels;) {
    const int64_t lanes = std::min(cap, (channels - start) / engines);
    planes.push_back({start + engine * lanes, lanes});
    start += lanes * engines;
  }
  return planes;
}

int64_t enabled_streams(const h13::Task& task) {
  int64_t enabled = 0;
  for (int i = 0; i < most_engines; ++i) {
    if (!(task[Reg::CoeffDMAConfig0 + i] & 1)) continue;
    if (i != enabled) throw Hazard(fmt::format("coefficient stream {} is on, stream {} is off", i, enabled));
    ++enabled;
  }
  return enabled;
}

void check_streams(const h13::Task& task, int64_t needed, int64_t at_most) {
  const int64_t enabled = enabled_streams(task);
  if (enabled < needed || enabled > at_most)
    throw Hazard(
        fmt::format("{} coefficient streams are on where {} engines have coefficients", enabled, needed));
  if ((enabled > 0) != (task.get(Field::MasterConfig_MasterEnable) != 0))
    throw Hazard("MasterConfig.MasterEnable does not tell whether coefficient streams are on");
}

Memory& coefficient_memory(const h13::Task& task, const Slots& slots) {
  if (!task.get(HeaderField::KBE0))
    throw Hazard("coefficient streams are on, but header KBE0 names no buffer");
  Memory* memory = slots[task.get(HeaderField::KBase0)];
  if (!memory) throw Hazard("the coefficients' buffer does not exist in the program");
  return *memory;
}

Stream stream_of(const h13::Task& task, const Memory& memory, int64_t engine) {
  const int i = static_cast<int>(engine);
  const uint32_t base = task[Reg::CoeffBaseAddr0 + i], size = task[Reg::CoeffBfrSize0 + i];
  if (base % 64 != 0 || size % 64 != 0)
    throw Hazard(
        fmt::format("coefficient stream {} is not in units of 64 bytes (0x{:x}, 0x{:x})", i, base, size));
  return {memory, base, size, engine};
}

// The one captured int8 kernel is plain: no bias, zeros stored, one pixel a step, binary point 0.
void check_int8_kernel(const h13::Task& task) {
  if (task.get(Field::MACCfg_BiasMode) || task.get(Field::KernelCfg_SparseFmt) ||
      task.get(Field::KernelCfg_PalettizedEn) || task.get(Field::MACCfg_BinaryPoint) ||
      task.get(Field::ConvCfg_Ox) != 1 || task.get(Field::ConvCfg_Oy) != 1)
    throw Hazard("an int8 kernel with more than plain weights; how those lie in the stream is not known");
}

void check_kernel_kind(const h13::Task& task) {
  const uint32_t format = task.get(Field::KernelCfg_KernelFmt);
  if (format != format_half && format != format_int8)
    throw Hazard(fmt::format("coefficients of format {} are not modelled", format));
  if (format == format_int8) check_int8_kernel(task);
  const bool binary = task.get(Field::KernelCfg_SparseBinary) != 0;
  if (task.get(Field::KernelCfg_PalettizedEn) &&
      !(binary && task.get(Field::KernelCfg_SparseFmt) && task.get(Field::KernelCfg_PalettizedBits) == 1))
    throw Hazard("palettes of more than one bit; how they lie in the stream is not known");
  if (binary && !task.get(Field::KernelCfg_PalettizedEn)) throw Hazard("a binary kernel without a palette");
  if (task.get(Field::KernelCfg_SparseFmt) != task.get(Field::MasterConfig_KernelSparseFmt))
    throw Hazard("KernelCfg and MasterConfig disagree on whether the kernel is sparse");
  if (task.get(Field::MACCfg_PostScaleMode))
    throw Hazard("a scale for each channel; where it lies is not known");
}

LookupTable read_table(Stream& stream) {
  std::array<uint16_t, 64> words;
  std::memcpy(words.data(), stream.take(LookupTable::bytes), LookupTable::bytes);
  return LookupTable(words);
}

// A table alone: every engine must have the same.
void read_tables(const h13::Task& task, const Memory& memory, int64_t engines, Coefficients& into) {
  for (int64_t engine = 0; engine < engines; ++engine) {
    Stream stream = stream_of(task, memory, engine);
    const LookupTable table = read_table(stream);
    if (engine > 0 && !(table == *into.table)) throw Hazard("engines with different tables are not modelled");
    into.table = table;
  }
}

void read_weights(const h13::Task& task, const Descriptor& descriptor, const Memory& memory, int64_t engines,
                  Coefficients& into) {
  const Layout layout = layout_of(task, descriptor);
  const bool unicast = task.get(Field::GroupConvCfg_UnicastEn) != 0;
  const int64_t cap = task.get(Field::ConvCfg_OCGSize) == 5 ? 32 : 16;
  const uint64_t table_bytes = into.table ? LookupTable::bytes : 0;
  parallel_for(engines, 1, [&](int64_t begin, int64_t end) {
    PlaneReader reader(layout, into);
    for (int64_t engine = begin; engine < end; ++engine) {
      Stream stream = stream_of(task, memory, engine);
      stream.take(table_bytes);
      float palette = 0;
      if (layout.binary) palette = stream.half(), stream.align();
      const std::vector<Plane> planes = planes_of(engine, descriptor.engines, into.channels, unicast, cap);
      for (int64_t kernel = 0; kernel < into.kernels; ++kernel) {
        for (const Plane& plane : planes) reader.read(stream, kernel, plane, palette);
        if (into.kernels > 1) stream.align();
      }
    }
  });
}

}  // namespace

int64_t inputs_per_output(const h13::Task& task, const Descriptor& descriptor) {
  if (!task.get(Field::GroupConvCfg_UnicastEn)) return descriptor.input.channels;
  const int64_t inputs = task.get(Field::GroupConvCfg_UnicastCin);
  if (inputs * descriptor.output.channels != descriptor.input.channels)
    throw Hazard(fmt::format("{} output channels of {} input channels each, but Cin is {}",
                             descriptor.output.channels, inputs, descriptor.input.channels));
  return inputs;
}

Coefficients read_coefficients(const h13::Task& task, const Descriptor& descriptor, const Slots& slots) {
  const bool weights = !task.get(Field::MACCfg_KernelMode),
             table = task.get(Field::MACCfg_NonlinearMode) == 2;
  const bool one_kernel = task.get(Field::KernelCfg_GroupKernelReuse) != 0;
  Coefficients result;
  result.channels = descriptor.output.channels;
  result.kernels = one_kernel ? 1 : descriptor.input.groups;
  result.length = inputs_per_output(task, descriptor) * descriptor.window.width * descriptor.window.height;
  if (!weights && !table) {
    check_streams(task, 0, 0);
    return result;
  }
  const int64_t engines = std::min<int64_t>(descriptor.engines, result.channels);
  check_streams(task, engines, weights ? engines : descriptor.engines);
  const Memory& memory = coefficient_memory(task, slots);
  for (int64_t engine = 0; engine < engines; ++engine)
    result.bytes += task[Reg::CoeffBfrSize0 + static_cast<int>(engine)];
  if (table) read_tables(task, memory, engines, result);
  if (!weights) return result;

  check_kernel_kind(task);
  // Even a sparse kernel has a bit for each weight: a count that exceeds what the streams can hold is refused
  // here, before memory is taken for it.
  const int64_t count = result.kernels * result.channels;
  if (static_cast<uint64_t>(count) > result.bytes * 8 ||
      static_cast<uint64_t>(result.length) > result.bytes * 8 / static_cast<uint64_t>(count))
    throw Hazard(fmt::format("{} channels of {} weights do not fit into 0x{:x} bytes of coefficients", count,
                             result.length, result.bytes));
  result.weights.resize(static_cast<size_t>(count * result.length));
  if (task.get(Field::MACCfg_BiasMode)) result.bias.resize(static_cast<size_t>(count));
  read_weights(task, descriptor, memory, engines, result);
  return result;
}

}  // namespace ane::sim
