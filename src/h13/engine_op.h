// Engine operations: what one pass of the engine does, with every operand's place in memory.
//
// Lowering turns units into these; splitting cuts them until each fits one task; emission translates them
// into words. All decisions stand here; nothing below chooses anything.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aneir/network.h"
#include "h13/tables.h"

namespace ane::h13 {

enum class BufferKind { Surface, Scratch, Constant, OnChip };

// A piece of memory that operations address. Surfaces are the program's inputs and outputs; scratch buffers
// and buffers in the on-chip memory (L2) get their place from their planners; constant buffers lie in the
// constant section.
struct Buffer {
  BufferKind kind = BufferKind::Scratch;
  std::string name;
  int64_t bytes = 0;
  int surface = -1;          // index into CompiledProgram::file.surfaces before VM ordering
  aneir::Constant constant;  // kind Constant: fp16, in surface layout
  int64_t base = 0;          // scratch, constant or L2 offset, filled in by the planner
  // Kind OnChip, for the planner (on_chip.h): bytes without the padding between rows, and what the buffer
  // holds.
  int64_t dense_bytes = 0;
  enum class Content { Tensor, InputCopy, Statistics } content = Content::Tensor;
  // Kind OnChip: the result of the unit that wanted the buffer. Where that goes to DRAM, less is on chip.
  aneir::TensorId tensor = aneir::no_tensor;
};

// A tensor's elements inside a buffer. In DRAM: fp16 or bytes, x contiguous, strides multiples of 64. In L2:
// strides multiples of 16, x contiguous; or stride_c == 2 for one value per channel, channels side by side.
// Strides in bytes.
struct View {
  int buffer = -1;
  int64_t offset = 0;
  int64_t c = 1, h = 1, w = 1;
  int64_t stride_c = 0, stride_h = 0;
  int64_t image_bytes = 0;  // depth stride: of the whole tensor that this is a part of
  int64_t d = 1, g = 1;     // depth; groups, which one task works through one after the other
  int64_t stride_g = 0;     // 0: equal to image_bytes
  int interleave = 1;       // DRAM: channels in blocks of this many, side by side
  bool bytes = false;       // elements of 8 bits (bool) instead of fp16
  bool on_chip = false;     // the buffer lies in L2
};

inline bool same_extents(const View& a, const View& b) {
  return a.w == b.w && a.h == b.h && a.c == b.c && a.d == b.d && a.g == b.g;
}
// Values of one channel each, side by side: channels lie along a row.
inline bool is_vector(const View& view) {
  return view.on_chip && view.c > 1 && view.stride_c == 2;
}

// What registers say of a view in L2: channels side by side have the distance of whole rows of them.
inline int64_t channel_stride(const View& view) {
  return view.stride_c == 2 ? view.image_bytes : view.stride_c;
}

enum class Activation { None, Relu, Lookup };

// NE: output[o] = activation(sum of weights * input + bias).
struct Convolution {
  enum class Form { Dense, Grouped, Depthwise };
  Form form = Form::Dense;
  int64_t groups = 1;  // of this operation
  int kernel_width = 1, kernel_height = 1, stride = 1, pad_left = 0, pad_top = 0;
  aneir::Constant weights;  // of the whole layer: [Cout][Cin/groups][kh][kw]
  std::optional<aneir::Constant> bias;
  int64_t first_channel = 0;  // this operation computes output channels first_channel .. + destination.c
  int64_t widest_lanes = 0;   // of all parts of a split layer; 0 = this operation's own
  Activation activation = Activation::None;
  std::optional<Table> table;
  float scale = 1;         // multiplies the sum before the bias is added
  bool transpose = false;  // result element (c, y, x) is written to channel x, column c
  // Coefficients made by an earlier task, or read from an input: output channels in blocks of the view's
  // interleave, one block an engine.
  std::optional<View> kernel;
};

// NE without weights: copy, ReLU or table; with C and W exchanged on request.
struct Bypass {
  Activation activation = Activation::None;
  std::optional<Table> table;
  float scale = 1;         // multiplies before the activation
  float bias = 0;          // added before the activation (epsilon of rsqrt)
  bool transpose = false;  // result element (c, y, x) is written to channel x, column c
};

// NE: maximum or sum over all channels.
struct ChannelReduce {
  bool maximum = false;
  std::optional<Table> table;  // of the sum
};

// NE: 1 where the first of two operands is smaller, else 0. The source has the operands' channels in turn:
// a0, b0, a1, b1, ...; the table is applied to a - b.
struct Comparison {
  Table table{};
};

// PE: scale * (source op source2); either source may have length 1 along axes of the other.
struct Elementwise {
  aneir::ElementWiseOp op = aneir::ElementWiseOp::Add;  // Add, Sub, Mult, Max, Min
  float scale = 1;
  bool relu = false;
  bool second_relu = false;  // max(source2, 0) is the operand
};

// PE: scale * source, or source + offset, or |source|.
struct Scalar {
  float scale = 1, offset = 0;
  bool absolute = false;
  bool relu = false;
};

// PE: (source + b0) * b1, or (source - b0) * b1: b0 and b1 are the two rows of source2, one value per
// channel, or one for all channels.
struct GainOffset {
  bool subtract = false;
};

// PE: sum, mean or maximum of each channel and group over W (and H, and D); MeanSquare: 1 / sqrt(mean of
// squares + epsilon). With source2: of (source2 - source), source being one mean for each channel.
struct PlaneReduce {
  aneir::ReductionType type = aneir::ReductionType::Sum;
  float epsilon = 0;
  bool reciprocal = false;  // 1 / result
  int64_t elements = 0;     // that one result comes from, for means
};

// PE, experimental: windowed pooling as task type 1.
struct WindowPool {
  bool maximum = true;
  int kernel_width = 1, kernel_height = 1, stride_x = 1, stride_y = 1, pad_left = 0, pad_top = 0;
};

using Work = std::variant<Convolution, Bypass, ChannelReduce, Comparison, Elementwise, Scalar, GainOffset,
                          PlaneReduce, WindowPool>;

// Where one operand of a task lies in L2, in bytes.
struct L2Operand {
  int64_t base = 0, channel = 0, row = 0, depth = 0, group = 0;
};

// How a task lies on chip: filled in by plan_on_chip, after splitting.
struct Placement {
  L2Operand source, source2, result;
  uint32_t source_code = 0, result_code = 0;  // registers SourceCfg and ResultCfg
  // By engine, the NE first: the last operation that has read its sources for certain when this one writes.
  // Those of its own engine before it have.
  std::array<int64_t, 2> have_read{-1, -1};
  bool waits_for_planar = false, signals_planar = false;  // hand-over between consecutive planar tasks
  // log2 of the rows of an NE patch: largest, smallest, preferred; of the width and height of a PE patch.
  int shape_max = 0, shape_min = 0, shape_preferred = 0;
  int patch_width = 0, patch_height = 0;
  bool small = false;           // NE: the whole output fits one patch
  int64_t tile = 0;             // output rows per tile
  bool result_strided = false;  // the result streams through a ring with explicit strides
};

struct EngineOp {
  std::string unit, layer;
  Work work;
  View source, destination;
  std::optional<View> source2;  // Elementwise, GainOffset, PlaneReduce
  // The source comes from DRAM and stays in this buffer for later tasks; -1: it is only streamed.
  int kept = -1;
  // Apple's compiler plans some on-chip results in DRAM scratch first; the description stays in the words of
  // the task that writes and of the one that reads, with the transfer switched off. Strides of that plan.
  std::optional<View> planned_source, planned_destination;
  Placement place;
};

// A network as engine operations over buffers, in execution order.
struct EngineProgram {
  std::vector<Buffer> buffers;
  std::vector<EngineOp> ops;
};

// "convolution 3x3 dense", for reports.
std::string describe(const EngineOp& op);

// Row stride and total bytes of a tensor in surface layout.
inline int64_t row_bytes(int64_t width, int64_t element = 2) {
  return (width * element + 63) / 64 * 64;
}

}  // namespace ane::h13
