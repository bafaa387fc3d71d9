// The state of lowering, shared by the files that lower one family of units each (private to this room).
//
// A tensor has a Layout: a buffer, an offset and strides. Most units compute into a fresh layout: in scratch,
// or, where the compiler version keeps tensors on chip, in L2. Some move nothing: their result is the same
// bytes under other strides.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "h13/lower.h"

namespace ane::h13 {

using aneir::Axis;
using aneir::Shape;
using aneir::TensorId;
using aneir::Unit;

// One tensor's place: images of one View, stride_n apart.
struct Layout {
  View view;
  int64_t n = 1, stride_n = 0;
};

struct Home {
  enum class Kind { None, Surface, Slice } kind = Kind::None;
  int surface = -1;                   // Surface
  TensorId whole = aneir::no_tensor;  // Slice: part of this tensor, from `offset` along `axis`
  Axis axis = Axis::Channel;
  int64_t offset = 0, step = 1;
};

// Length and distance (bytes) of a layout's elements along one axis. Width has no stride of its own.
int64_t stride_of(const Layout& layout, Axis axis);
void set_stride(Layout& layout, Axis axis, int64_t length, int64_t stride);
Layout compact(int buffer, const Shape& shape, bool bytes = false);
int64_t bytes_of(const Shape& shape, bool bytes = false);
std::optional<View> rows_as_channels(const View& view);
// A View with H and C exchanged: rows of one channel as channels of one row each, or back.
View rows_and_channels_exchanged(const View& view);

class Lowering {
 public:
  Lowering(const aneir::Network& network, const Compat& compat, const Target& target,
           const std::set<TensorId>& in_dram);

  Lowered run();

 private:
  std::vector<const Unit*> execution_order() const;

  // ---- Places ----

  Layout& layout(TensorId id);

  int add_buffer(BufferKind kind, std::string name, int64_t bytes, int surface = -1);

  int add_surface(bool output, const std::string& name, TensorId id);
  bool is_bytes(TensorId id) const;

  void place_surfaces();

  // Does the unit compute its result, so that it can be told where to put it?
  static bool computes(const Unit& unit);

  bool can_have_home(TensorId id) const;

  void find_homes();

  // Which part of a concatenation's result each operand is.
  std::vector<Home> parts_of(const Unit& unit, const aneir::Concat& concat) const;

  // The place where a computed tensor goes.
  const Layout& resolve(TensorId id);

  static Layout slice(const Layout& whole, Axis axis, int64_t offset, int64_t size, int64_t step);

  static View image(const Layout& layout, int64_t n);

  // ---- Operations ----

  void add_op(const Unit& unit, Work work, const View& source, const View& destination,
              std::optional<View> source2 = std::nullopt);

  // One operation per image, from bottom 0 to the top.
  void add_per_image(const Unit& unit, const Work& work);

  void copy(const Unit& unit, const Layout& from, const Layout& to);

  // `from` copied to a compact place of its own.
  Layout compacted(const Unit& unit, const Layout& from, const Shape& shape);

  void copy_to_surface(size_t index);

  void lower_unit(const Unit& unit);

  // ---- Units that move nothing ----

  void lower_params(const Unit& unit, const aneir::InputView& view);

  void lower_params(const Unit& unit, const aneir::Reshape& reshape);

  void lower_params(const Unit& unit, const aneir::ConstantTensor& constant);

  static constexpr int repeated_block_channels = 8;
  bool is_repeated_block(const Unit& unit) const;
  static aneir::Constant in_surface_layout(const aneir::Constant& values, const Shape& shape,
                                           int64_t interleave = 1);

  void lower_params(const Unit& unit, const aneir::Concat& concat);

  void lower_params(const Unit& unit, const aneir::Transpose& transpose);

  // ---- Units that compute ----

  void lower_params(const Unit& unit, const aneir::Neuron& neuron);

  static Bypass bypass(const Unit& unit, const aneir::Neuron& neuron);

  void lower_params(const Unit& unit, const aneir::Goc& goc);

  void lower_params(const Unit& unit, const aneir::ElementWise& elementwise);

  // An operand repeated to the result's shape, by adding it to zeros: for two operands that each broadcast.
  Layout spread(const Unit& unit, TensorId id, const Shape& shape);

  void lower_params(const Unit& unit, const aneir::Reduction& reduction);

  void lower_params(const Unit& unit, const aneir::Pooling& pooling);

  void lower_params(const Unit& unit, const aneir::Conv& conv);

  bool works_on_column(const Unit& unit, const Convolution& work, const View& from, const View& to) const;
  void convolve_column(const Unit& unit, const Convolution& work, const View& from, const View& to);

  // A function of scale * x + bias: both go into the kernel, since the order of the task's own output scale
  // and bias is not known.
  static void set_activation(const Unit& unit, const aneir::Neuron& neuron, int64_t channels,
                             Convolution& work);

  // Dense, grouped and depthwise kernels have packed forms of their own; other groupings become several
  // operations.
  void add_convolution(const Unit& unit, Convolution work, const View& from, const View& to);

  // Channel multiplier m: output channel g * m + j of every group g is one depthwise operation.
  void add_every(const Unit& unit, Convolution work, const View& from, const View& to, int64_t multiplier,
                 int64_t j);

  // Rows j, j + step, ... (count of them) of a constant with rows of `length` elements.
  static aneir::Constant every(const aneir::Constant& constant, int64_t length, int64_t count, int64_t step,
                               int64_t j);

  // ---- Tensors on chip (lower_on_chip.cc) ----

  // The units that read a tensor.
  std::vector<const Unit*> readers(TensorId id) const;
  bool is_output(TensorId id) const;
  // May the tensor stay in L2 between the units that make and read it?
  bool stays_on_chip(TensorId id) const;
  View on_chip(const std::string& name, int64_t w, int64_t h, int64_t c, int64_t row_stride,
               int64_t dense_bytes, Buffer::Content content = Buffer::Content::Tensor);
  Layout on_chip_layout(TensorId id);
  // The last task's source comes from DRAM and stays in L2: the view of it there.
  View keep_source(const std::string& name);
  // A copy of a small operand in L2, for a planar task.
  View bring(const Unit& unit, const View& operand);
  // The tensor as one view: DRAM, or L2.
  View view_of(TensorId id);
  View destination_of(const Unit& unit);
  // The surface of an output that no unit has claimed yet.
  View output_surface(TensorId id);
  Buffer& buffer(int id) { return result_.program.buffers[static_cast<size_t>(id)]; }
  EngineOp& last_op() { return result_.program.ops.back(); }
  View constant_rows(const Unit& unit, const std::vector<std::vector<float>>& rows);

  // ---- Whole units (lower_elementwise.cc, lower_matmul.cc, lower_product.cc, lower_softmax.cc,
  // lower_reduction.cc) ----

  bool lower_self_sum(const Unit& unit, const aneir::ElementWise& elementwise);
  std::optional<Layout> place_of_operand(const Unit& unit) const;
  void lower_division(const Unit& unit);
  void lower_comparison(const Unit& unit, TensorId smaller, TensorId larger);
  // A function of `from` in L2, for a planar task; of single pixels as a row.
  View applied_on_chip(const Unit& unit, const std::string& name, Bypass work, const View& from);
  View like_on_chip(const std::string& name, const View& view);
  bool adds_to_its_argument(const Unit& unit) const;
  bool lower_row_constant(const Unit& unit, const aneir::ElementWise& elementwise);
  void lower_gain_offset(const Unit& unit, const aneir::Goc& goc, const View& from, const View& to);
  void lower_params(const Unit& unit, const aneir::Broadcast& broadcast);
  void lower_params(const Unit& unit, const aneir::Softmax& softmax);
  void lower_params(const Unit& unit, const aneir::MatMul& product);
  void lower_params(const Unit& unit, const aneir::Normalize& normalize);
  void lower_params(const Unit& unit, const aneir::Select&);
  void lower_params(const Unit& unit, const aneir::Cast&);

  int64_t kernel_block_rows(int64_t rows, int64_t inner) const;
  int64_t lanes_of_a_part(const aneir::MatMul& product, int64_t inner) const;
  bool has_captured_form(const Unit& unit) const;
  bool is_constant_product(const Unit* unit, TensorId left) const;
  View scratch_image(const std::string& name, int64_t c, int64_t h, int64_t w);
  View right_in_scratch(const Unit& unit, const View& from);
  View transposed_in_scratch(const Unit& unit, const char* name, const View& from);
  void lower_any_product(const Unit& unit, const aneir::MatMul& product);
  void multiply_by_constant(const Unit& unit, const aneir::MatMul& product, const View& rows, const View& to);
  void multiply_matrices(const Unit& unit, const aneir::MatMul& product, const View& left, const View& right,
                         const View& to);
  View rows_as_kernel(const Unit& unit, const View& rows);

  void lower_constant_product(const Unit& unit, const aneir::MatMul& product);
  void lower_runtime_product(const Unit& unit, const aneir::MatMul& product);
  bool two_dimensional(const Unit& unit, const aneir::MatMul& product, int64_t rows) const;
  View columns_as_channels(const Unit& unit, TensorId id, bool two_dimensional, bool padded);
  Convolution product_work(const Unit& unit, const aneir::MatMul& product) const;
  void multiply(const Unit& unit, const Convolution& work, const View& from, const View& to, int64_t columns);
  View kernel_operand(const Unit& unit, TensorId id, bool is_transposed, int64_t tile);
  View kernel_in_scratch(const Unit& unit, int64_t rows, int64_t inner, int64_t tile);
  int64_t rows_of_kernel(TensorId id) const;
  void softmax_over_product_rows(const Unit& unit);
  void lower_two_dimensional(const Unit& unit, const Convolution& work, const View& from);
  View copied_for_others(const Unit& unit, TensorId id, bool two_dimensional);
  bool is_planned(TensorId id) const;
  void plan_in_scratch(const View& view);
  void forget_plan(const View& view);
  bool scales_columns(const Unit& unit, const aneir::Goc& goc);

  void softmax_over_channels(const Unit& unit, const View& from, const View& to);
  void softmax_over_pixels(const Unit& unit);
  void softmax_over_columns(const Unit& unit);
  View statistics(const std::string& name, int64_t channels);
  void normalize_columns(const Unit& unit, float epsilon);
  void normalize_planes(const Unit& unit, float epsilon);
  void normalize_all(const Unit& unit, float epsilon);
  void normalize_pixels(const Unit& unit, float epsilon);
  void normalize_channels(const Unit& unit, float epsilon);
  void normalize_rows_of_image(const Unit& unit, float epsilon);
  void reduce(const Unit& unit, const aneir::Reduction& reduction);
  std::vector<const Unit*> flattening_readers(const Unit& unit) const;

  const aneir::Network& network_;
  const bool composites_;  // units stay whole and tensors on chip
  const Target& target_;
  const std::set<TensorId>& in_dram_;  // tensors that must not stay on chip
  Lowered result_;
  TensorId result_in_hand_ = aneir::no_tensor;  // of the unit that is being lowered
  std::vector<std::optional<Layout>> layouts_;
  std::vector<Home> homes_;
  std::vector<const Unit*> producers_;
  std::vector<int> output_buffers_;
  std::vector<std::vector<const Unit*>> readers_;
  std::map<TensorId, View> kept_arguments_;  // tensors in L2 beside a function of theirs
  std::map<int, View> planned_;              // by buffer: plans in scratch that no reader has taken up yet
  std::map<TensorId, View> kernels_;         // matrices in scratch as coefficients
  std::map<TensorId, View> channel_major_;   // matrices in L2 with columns as channels
  std::map<std::pair<int, int64_t>, View> columns_in_scratch_;  // the same in scratch, by buffer and offset
  std::set<const Unit*> done_;  // units that an earlier one's tasks have done already
};

}  // namespace ane::h13
