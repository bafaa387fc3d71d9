// Engine operations: what one pass of the engine does, with every operand's place in memory.
//
// Lowering turns units into these; splitting cuts them until each fits one task; emission translates them
// into words. All decisions stand here; nothing below chooses anything.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aneir/network.h"
#include "h13/tables.h"

namespace ane::h13 {

enum class BufferKind { Surface, Scratch, Constant };

// A piece of DRAM that operations address. Surfaces are the program's inputs and outputs; scratch buffers get
// their place from the memory planner; constant buffers lie in the constant section.
struct Buffer {
  BufferKind kind = BufferKind::Scratch;
  std::string name;
  int64_t bytes = 0;
  int surface = -1;          // index into CompiledProgram::file.surfaces before VM ordering
  aneir::Constant constant;  // kind Constant: fp16, in surface layout
  int64_t base = 0;          // scratch or constant offset, filled in by the planner
};

// A tensor's elements inside a buffer: one image (batches are unrolled), fp16, x contiguous. Strides in
// bytes, multiples of 64.
struct View {
  int buffer = -1;
  int64_t offset = 0;
  int64_t c = 1, h = 1, w = 1;
  int64_t stride_c = 0, stride_h = 0;
  int64_t image_bytes = 0;  // of the whole tensor that this is a part of; the DMA's depth stride
};

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

// PE: scale * (source op source2), source2 of length 1 along the axes it is broadcast on.
struct Elementwise {
  aneir::ElementWiseOp op = aneir::ElementWiseOp::Add;  // Add, Sub, Mult, Max, Min
  float scale = 1;
  bool relu = false;
};

// PE: scale * source, or source + offset, or |source|.
struct Scalar {
  float scale = 1, offset = 0;
  bool absolute = false;
};

// PE: sum, mean or maximum over W, or over H and W, of each channel (and row); MeanSquare: 1 / sqrt(mean of
// squares + epsilon).
struct PlaneReduce {
  aneir::ReductionType type = aneir::ReductionType::Sum;
  float epsilon = 0;
  bool rows_too = true;  // over H as well
};

// PE, experimental: windowed pooling as task type 1.
struct WindowPool {
  bool maximum = true;
  int kernel_width = 1, kernel_height = 1, stride_x = 1, stride_y = 1, pad_left = 0, pad_top = 0;
};

using Work = std::variant<Convolution, Bypass, ChannelReduce, Elementwise, Scalar, PlaneReduce, WindowPool>;

struct EngineOp {
  std::string unit, layer;
  Work work;
  View source, destination;
  std::optional<View> source2;  // Elementwise
  // Parts of one layer share their input: the first brings it into L2 and leaves it there, the others find
  // it.
  enum class Sharing { None, Keeps, Finds } sharing = Sharing::None;
  bool stays_on_chip = false;  // the result is an operand in L2 for the next task, not written to DRAM
};

// A network as engine operations over buffers, in execution order.
struct EngineProgram {
  std::vector<Buffer> buffers;
  std::vector<EngineOp> ops;
};

// "convolution 3x3 dense", for reports.
std::string describe(const EngineOp& op);

// Row stride and total bytes of a tensor in surface layout.
inline int64_t row_bytes(int64_t width) {
  return (width * 2 + 63) / 64 * 64;
}

}  // namespace ane::h13
