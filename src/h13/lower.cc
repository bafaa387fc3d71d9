// Where tensors live, and what engine operation each unit is.
//
// A tensor has a Layout: a buffer, an offset and strides. Most units compute into a fresh layout. Some move
// nothing: a slice along batch, channels or rows, a transposition that leaves rows alone, a reshape that only
// regroups rows. Their result is the same bytes under other strides, which every source DMA can express, so
// they cost no task. A concatenation costs none either for operands that an operation of their own produces:
// they are given a home inside the result and written there directly; other operands (network inputs, views,
// operands used twice) are copied.
//
// Homes must be known before the producers are lowered, so they are found first, from the last unit to the
// first.
#include "h13/lower.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/half.h"

namespace ane::h13 {

namespace {

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

int64_t stride_of(const Layout& layout, Axis axis) {
  switch (axis) {
    case Axis::Batch:
      return layout.stride_n;
    case Axis::Channel:
      return layout.view.stride_c;
    case Axis::Height:
      return layout.view.stride_h;
    default:
      return 2;
  }
}

void set_stride(Layout& layout, Axis axis, int64_t length, int64_t stride) {
  switch (axis) {
    case Axis::Batch:
      layout.n = length, layout.stride_n = stride;
      break;
    case Axis::Channel:
      layout.view.c = length, layout.view.stride_c = stride;
      break;
    case Axis::Height:
      layout.view.h = length, layout.view.stride_h = stride;
      break;
    default:
      layout.view.w = length;
  }
}

// Surface layout: rows padded to 64 bytes, everything else dense.
Layout compact(int buffer, const Shape& shape) {
  Layout layout;
  const int64_t row = row_bytes(shape.w);
  layout.view = {buffer, 0, shape.c, shape.h, shape.w, row * shape.h, row, row * shape.h * shape.c};
  layout.n = shape.n;
  layout.stride_n = layout.view.image_bytes;
  return layout;
}

int64_t bytes_of(const Shape& shape) {
  return row_bytes(shape.w) * shape.h * shape.c * shape.n;
}

// The same rows with all of C and H as channels, if they lie evenly spaced.
std::optional<View> rows_as_channels(const View& view) {
  View rows = view;
  rows.c = view.c * view.h;
  rows.h = 1;
  if (view.h == 1)
    rows.stride_h = view.stride_c;
  else if (view.c == 1 || view.stride_c == view.h * view.stride_h)
    rows.stride_c = view.stride_h;
  else
    return std::nullopt;
  if (view.h != 1) rows.stride_h = rows.stride_c;
  return rows;
}

class Lowering {
 public:
  Lowering(const aneir::Network& network, const Target& target) : network_(network), target_(target) {
    layouts_.resize(network.tensors.size());
    homes_.resize(network.tensors.size());
    producers_.assign(network.tensors.size(), nullptr);
    for (const Unit& unit : network.units) producers_[static_cast<size_t>(unit.top)] = &unit;
  }

  Lowered run() {
    place_surfaces();
    find_homes();
    for (const Unit& unit : network_.units) lower_unit(unit);
    for (size_t i = 0; i < network_.outputs.size(); ++i) copy_to_surface(i);
    return std::move(result_);
  }

 private:
  // ---- Places ----

  Layout& layout(TensorId id) {
    auto& place = layouts_[static_cast<size_t>(id)];
    ensure(place.has_value(), "lower: a tensor is read before it has a place");
    return *place;
  }

  int add_buffer(BufferKind kind, std::string name, int64_t bytes, int surface = -1) {
    Buffer buffer;
    buffer.kind = kind;
    buffer.name = std::move(name);
    buffer.bytes = bytes;
    buffer.surface = surface;
    result_.program.buffers.push_back(std::move(buffer));
    return static_cast<int>(result_.program.buffers.size()) - 1;
  }

  int add_surface(bool output, const std::string& name, const Shape& shape) {
    result_.surfaces.push_back({output, name, shape});
    return add_buffer(BufferKind::Surface, name, bytes_of(shape),
                      static_cast<int>(result_.surfaces.size()) - 1);
  }

  void place_surfaces() {
    for (const TensorId id : network_.inputs) {
      const aneir::Tensor& tensor = network_.tensor(id);
      layouts_[static_cast<size_t>(id)] =
          compact(add_surface(false, tensor.name, tensor.shape), tensor.shape);
    }
    for (const aneir::Output& output : network_.outputs)
      output_buffers_.push_back(add_surface(true, output.name, network_.tensor(output.tensor).shape));
  }

  // Does the unit compute its result, so that it can be told where to put it?
  static bool computes(const Unit& unit) {
    if (unit.as<aneir::Reshape>() || unit.as<aneir::InputView>() || unit.as<aneir::ConstantTensor>())
      return false;
    if (const auto* transpose = unit.as<aneir::Transpose>())
      return transpose->source[static_cast<size_t>(Axis::Width)] != Axis::Width;
    return true;
  }

  bool can_have_home(TensorId id) const {
    const Unit* producer = producers_[static_cast<size_t>(id)];
    return producer && computes(*producer) && homes_[static_cast<size_t>(id)].kind == Home::Kind::None;
  }

  void find_homes() {
    for (size_t i = 0; i < network_.outputs.size(); ++i) {
      const TensorId id = network_.outputs[i].tensor;
      if (!can_have_home(id)) continue;
      homes_[static_cast<size_t>(id)].kind = Home::Kind::Surface;
      homes_[static_cast<size_t>(id)].surface = static_cast<int>(i);
    }
    for (auto unit = network_.units.rbegin(); unit != network_.units.rend(); ++unit) {
      const auto* concat = unit->as<aneir::Concat>();
      if (!concat) continue;
      const std::vector<Home> parts = parts_of(*unit, *concat);
      for (size_t i = 0; i < parts.size(); ++i)
        if (can_have_home(unit->bottoms[i])) homes_[static_cast<size_t>(unit->bottoms[i])] = parts[i];
    }
  }

  // Which part of a concatenation's result each operand is.
  std::vector<Home> parts_of(const Unit& unit, const aneir::Concat& concat) const {
    std::vector<Home> parts;
    const int64_t count = static_cast<int64_t>(unit.bottoms.size());
    int64_t offset = 0;
    for (const TensorId id : unit.bottoms) {
      parts.push_back({Home::Kind::Slice, -1, unit.top, concat.axis, offset, concat.interleave ? count : 1});
      offset += concat.interleave ? 1 : network_.tensor(id).shape[concat.axis];
    }
    return parts;
  }

  // The place where a computed tensor goes.
  const Layout& resolve(TensorId id) {
    auto& place = layouts_[static_cast<size_t>(id)];
    if (place) return *place;
    const Home& home = homes_[static_cast<size_t>(id)];
    const aneir::Tensor& tensor = network_.tensor(id);
    if (home.kind == Home::Kind::Surface) {
      place = compact(output_buffers_[static_cast<size_t>(home.surface)], tensor.shape);
    } else if (home.kind == Home::Kind::Slice) {
      place = slice(resolve(home.whole), home.axis, home.offset, tensor.shape[home.axis], home.step);
    } else {
      place = compact(add_buffer(BufferKind::Scratch, tensor.name, bytes_of(tensor.shape)), tensor.shape);
    }
    return *place;
  }

  static Layout slice(const Layout& whole, Axis axis, int64_t offset, int64_t size, int64_t step) {
    Layout part = whole;
    const int64_t stride = stride_of(whole, axis);
    part.view.offset += offset * stride;
    set_stride(part, axis, size, stride * step);
    return part;
  }

  static View image(const Layout& layout, int64_t n) {
    View view = layout.view;
    view.offset += (layout.n == 1 ? 0 : n) * layout.stride_n;
    return view;
  }

  // ---- Operations ----

  void add_op(const Unit& unit, Work work, const View& source, const View& destination,
              std::optional<View> source2 = std::nullopt) {
    EngineOp op;
    op.unit = unit.name;
    op.layer = unit.layer;
    op.work = std::move(work);
    op.source = source;
    op.destination = destination;
    op.source2 = source2;
    result_.program.ops.push_back(std::move(op));
  }

  // One operation per image, from bottom 0 to the top.
  void add_per_image(const Unit& unit, const Work& work) {
    const Layout to = resolve(unit.top), from = layout(unit.bottoms[0]);
    for (int64_t n = 0; n < to.n; ++n) add_op(unit, work, image(from, n), image(to, n));
  }

  void copy(const Unit& unit, const Layout& from, const Layout& to) {
    for (int64_t n = 0; n < to.n; ++n) add_op(unit, Bypass{}, image(from, n), image(to, n));
  }

  // `from` copied to a compact place of its own.
  Layout compacted(const Unit& unit, const Layout& from, const Shape& shape) {
    const Layout to =
        compact(add_buffer(BufferKind::Scratch, unit.name + "_compact", bytes_of(shape)), shape);
    copy(unit, from, to);
    return to;
  }

  void copy_to_surface(size_t index) {
    const aneir::Output& output = network_.outputs[index];
    const Home& home = homes_[static_cast<size_t>(output.tensor)];
    if (home.kind == Home::Kind::Surface && home.surface == static_cast<int>(index)) return;
    Unit unit;
    unit.name = output.name + "_copy";
    if (const Unit* producer = producers_[static_cast<size_t>(output.tensor)]) unit.layer = producer->layer;
    copy(unit, layout(output.tensor), compact(output_buffers_[index], network_.tensor(output.tensor).shape));
  }

  void lower_unit(const Unit& unit) {
    std::visit([&](const auto& params) { lower_params(unit, params); }, unit.params);
  }

  // ---- Units that move nothing ----

  void lower_params(const Unit& unit, const aneir::InputView& view) {
    layouts_[static_cast<size_t>(unit.top)] =
        slice(layout(unit.bottoms[0]), view.axis, view.offset, view.size, view.step);
  }

  void lower_params(const Unit& unit, const aneir::Reshape& reshape) {
    const Shape& from = network_.tensor(unit.bottoms[0]).shape;
    Layout source = layout(unit.bottoms[0]);
    ensure(from.w == reshape.shape.w && from.n == reshape.shape.n, "lower: a reshape that moves data");
    const bool same = from.c == reshape.shape.c && from.h == reshape.shape.h;
    std::optional<View> rows = rows_as_channels(source.view);
    if (!rows && !same) {
      source = compacted(unit, source, from);
      rows = rows_as_channels(source.view);
    }
    Layout result = source;
    if (!same) {
      result.view = *rows;
      result.view.c = reshape.shape.c;
      result.view.h = reshape.shape.h;
      result.view.stride_h = rows->stride_c;
      result.view.stride_c = rows->stride_c * reshape.shape.h;
    }
    layouts_[static_cast<size_t>(unit.top)] = result;
  }

  void lower_params(const Unit& unit, const aneir::ConstantTensor& constant) {
    const Shape& shape = constant.shape;
    const int buffer = add_buffer(BufferKind::Constant, unit.name, bytes_of(shape));
    result_.program.buffers.back().constant = in_surface_layout(constant.values, shape);
    layouts_[static_cast<size_t>(unit.top)] = compact(buffer, shape);
  }

  static aneir::Constant in_surface_layout(const aneir::Constant& values, const Shape& shape) {
    const std::vector<float> floats = values.floats();
    auto bytes = std::make_shared<Bytes>(static_cast<size_t>(bytes_of(shape)));
    const int64_t rows = shape.n * shape.c * shape.h;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t x = 0; x < shape.w; ++x) {
        const Half half = to_half(floats[static_cast<size_t>(row * shape.w + x)]);
        std::memcpy(bytes->data() + row * row_bytes(shape.w) + x * 2, &half.bits, 2);
      }
    aneir::Constant constant;
    constant.type = aneir::ElementType::Float16;
    constant.bytes = *bytes;
    constant.owner = std::move(bytes);
    return constant;
  }

  void lower_params(const Unit& unit, const aneir::Concat& concat) {
    const Layout whole = resolve(unit.top);
    const std::vector<Home> parts = parts_of(unit, concat);
    for (size_t i = 0; i < parts.size(); ++i) {
      const TensorId id = unit.bottoms[i];
      const Home& home = homes_[static_cast<size_t>(id)];
      const Home& part = parts[i];
      const bool there =
          home.kind == Home::Kind::Slice && home.whole == unit.top && home.offset == part.offset;
      if (!there)
        copy(unit, layout(id),
             slice(whole, part.axis, part.offset, network_.tensor(id).shape[part.axis], part.step));
    }
  }

  void lower_params(const Unit& unit, const aneir::Transpose& transpose) {
    const Layout from = layout(unit.bottoms[0]);
    const Shape& shape = network_.tensor(unit.top).shape;
    const Axis columns = transpose.source[static_cast<size_t>(Axis::Width)];
    if (columns == Axis::Width) {
      Layout result = from;
      for (const Axis axis : {Axis::Batch, Axis::Channel, Axis::Height})
        set_stride(result, axis, shape[axis], stride_of(from, transpose.source[static_cast<size_t>(axis)]));
      layouts_[static_cast<size_t>(unit.top)] = result;
      return;
    }
    // The engine exchanges channels and columns. What becomes columns is read as its channels, the third axis
    // as rows.
    const Layout to = resolve(unit.top);
    const Axis rows = columns == Axis::Channel ? Axis::Height : Axis::Channel;
    const Shape& from_shape = network_.tensor(unit.bottoms[0]).shape;
    Layout source = from, destination = to;
    set_stride(source, Axis::Channel, from_shape[columns], stride_of(from, columns));
    set_stride(source, Axis::Height, from_shape[rows], stride_of(from, rows));
    for (const Axis axis : {Axis::Channel, Axis::Height}) {
      const Axis content = transpose.source[static_cast<size_t>(axis)];
      set_stride(destination, content == Axis::Width ? Axis::Channel : Axis::Height, shape[axis],
                 stride_of(to, axis));
    }
    Bypass work;
    work.transpose = true;
    for (int64_t n = 0; n < to.n; ++n) add_op(unit, work, image(source, n), image(destination, n));
  }

  // ---- Units that compute ----

  void lower_params(const Unit& unit, const aneir::Neuron& neuron) {
    if (neuron.type == aneir::NeuronType::Abs) {
      Scalar work;
      work.absolute = true;
      add_per_image(unit, work);
      return;
    }
    add_per_image(unit, bypass(unit, neuron));
  }

  static Bypass bypass(const Unit& unit, const aneir::Neuron& neuron) {
    Bypass work;
    work.scale = neuron.input_scale;
    if (neuron.type == aneir::NeuronType::ReLU) {
      work.activation = Activation::Relu;
      return work;
    }
    work.activation = Activation::Lookup;
    work.table = table_for(neuron);
    if (!work.table) throw InternalError(fmt::format("lower: {} has no table", unit.name));
    if (neuron.type == aneir::NeuronType::Exp) work.scale *= 1.44269504f;
    if (neuron.type == aneir::NeuronType::Rsqrt) work.bias = neuron.alpha;
    return work;
  }

  void lower_params(const Unit& unit, const aneir::Goc& goc) {
    ensure(!goc.channel_scale && !goc.channel_offset && (goc.scale == 1 || goc.offset == 0),
           "lower: a GOC that is not in engine form");
    Scalar work;
    work.scale = goc.scale;
    work.offset = goc.offset;
    add_per_image(unit, work);
  }

  void lower_params(const Unit& unit, const aneir::ElementWise& elementwise) {
    const Shape& shape = network_.tensor(unit.top).shape;
    Elementwise work{elementwise.op, elementwise.scale, elementwise.relu};
    TensorId whole = unit.bottoms[0], other = unit.bottoms[1];
    const auto whole_image = [&](TensorId id) {
      const Shape& s = network_.tensor(id).shape;
      return s.c == shape.c && s.h == shape.h && s.w == shape.w;
    };
    if (!whole_image(whole) && whole_image(other)) {
      std::swap(whole, other);
      if (work.op == aneir::ElementWiseOp::Sub) work.scale = -work.scale;
    }
    const Layout to = resolve(unit.top);
    const Layout first = whole_image(whole) ? layout(whole) : spread(unit, whole, shape);
    const Layout second = layout(other);
    for (int64_t n = 0; n < to.n; ++n) add_op(unit, work, image(first, n), image(to, n), image(second, n));
  }

  // An operand repeated to the result's shape, by adding it to zeros: for two operands that each broadcast.
  Layout spread(const Unit& unit, TensorId id, const Shape& shape) {
    Shape whole = shape;
    whole.n = 1;
    const int zeros = add_buffer(BufferKind::Constant, unit.name + "_zeros", bytes_of(whole));
    result_.program.buffers.back().constant = in_surface_layout(
        aneir::Constant::of_floats(std::vector<float>(static_cast<size_t>(whole.count()))), whole);
    const Layout from = layout(id);
    whole.n = from.n;
    const Layout to = compact(add_buffer(BufferKind::Scratch, unit.name + "_spread", bytes_of(whole)), whole);
    whole.n = 1;
    for (int64_t n = 0; n < to.n; ++n)
      add_op(unit, Elementwise{}, compact(zeros, whole).view, image(to, n), image(from, n));
    return to;
  }

  void lower_params(const Unit& unit, const aneir::Reduction& reduction) {
    const bool channels = reduction.axes.size() == 1 && reduction.axes[0] == Axis::Channel;
    if (channels) {
      ChannelReduce work;
      work.maximum = reduction.type == aneir::ReductionType::Max;
      if (reduction.activation) work.table = table_for(*reduction.activation);
      ensure(!reduction.activation || work.table, "lower: a reduction's activation without a table");
      add_per_image(unit, work);
      return;
    }
    PlaneReduce work;
    work.type = reduction.type;
    if (reduction.type == aneir::ReductionType::MeanSquare) work.epsilon = reduction.activation->alpha;
    if (reduction.axes.size() == 2) {
      add_per_image(unit, work);
      return;
    }
    // Over W alone: rows become channels, so that each is a plane of its own.
    Layout from = layout(unit.bottoms[0]);
    const Layout to = resolve(unit.top);
    if (!rows_as_channels(from.view)) from = compacted(unit, from, network_.tensor(unit.bottoms[0]).shape);
    const bool direct = rows_as_channels(to.view).has_value();
    const Shape& shape = network_.tensor(unit.top).shape;
    const Layout result =
        direct ? to : compact(add_buffer(BufferKind::Scratch, unit.name + "_rows", bytes_of(shape)), shape);
    for (int64_t n = 0; n < to.n; ++n)
      add_op(unit, work, *rows_as_channels(image(from, n)), *rows_as_channels(image(result, n)));
    if (!direct) copy(unit, result, to);
  }

  void lower_params(const Unit& unit, const aneir::Pooling& pooling) {
    WindowPool work;
    work.maximum = pooling.type == aneir::PoolingType::Max;
    work.kernel_width = pooling.kernel_width, work.kernel_height = pooling.kernel_height;
    work.stride_x = pooling.stride_x, work.stride_y = pooling.stride_y;
    work.pad_left = pooling.pad_left, work.pad_top = pooling.pad_top;
    add_per_image(unit, work);
  }

  void lower_params(const Unit& unit, const aneir::Conv& conv) {
    Convolution work;
    work.kernel_width = conv.kernel_width, work.kernel_height = conv.kernel_height;
    work.stride = conv.stride_x;
    work.pad_left = conv.pad_left, work.pad_top = conv.pad_top;
    work.weights = conv.weights;
    work.bias = conv.bias;
    work.groups = conv.groups;
    if (conv.activation) set_activation(unit, *conv.activation, conv.output_channels, work);
    const Layout from = layout(unit.bottoms[0]), to = resolve(unit.top);
    for (int64_t n = 0; n < to.n; ++n) add_convolution(unit, work, image(from, n), image(to, n));
  }

  // A function of scale * x + bias: both go into the kernel, since the order of the task's own output scale
  // and bias is not known.
  static void set_activation(const Unit& unit, const aneir::Neuron& neuron, int64_t channels,
                             Convolution& work) {
    const Bypass as_bypass = bypass(unit, neuron);
    work.activation = as_bypass.activation;
    work.table = as_bypass.table;
    if (as_bypass.scale == 1 && as_bypass.bias == 0) return;
    std::vector<float> weights = work.weights.floats();
    for (float& weight : weights) weight *= as_bypass.scale;
    work.weights = aneir::Constant::of_floats(std::move(weights));
    std::vector<float> bias =
        work.bias ? work.bias->floats() : std::vector<float>(static_cast<size_t>(channels));
    for (float& value : bias) value = value * as_bypass.scale + as_bypass.bias;
    work.bias = aneir::Constant::of_floats(std::move(bias));
  }

  // Dense, grouped and depthwise kernels have packed forms of their own; other groupings become several
  // operations.
  void add_convolution(const Unit& unit, Convolution work, const View& from, const View& to) {
    const int64_t groups = work.groups, per_group_in = from.c / groups, per_group_out = to.c / groups;
    if (groups == 1) {
      work.form = Convolution::Form::Dense;
      add_op(unit, work, from, to);
    } else if (per_group_in == 1 && per_group_out == 1) {
      work.form = Convolution::Form::Depthwise;
      add_op(unit, work, from, to);
    } else if (per_group_out % target_.engines == 0 && per_group_out <= target_.engines * target_.max_lanes) {
      work.form = Convolution::Form::Grouped;
      add_op(unit, work, from, to);
    } else if (per_group_in == 1 && per_group_out < groups) {
      for (int64_t j = 0; j < per_group_out; ++j) add_every(unit, work, from, to, per_group_out, j);
    } else {
      work.form = Convolution::Form::Dense;
      work.groups = 1;
      for (int64_t group = 0; group < groups; ++group) {
        View source = from, destination = to;
        source.c = per_group_in, source.offset += group * per_group_in * from.stride_c;
        destination.c = per_group_out, destination.offset += group * per_group_out * to.stride_c;
        work.first_channel = group * per_group_out;
        add_op(unit, work, source, destination);
      }
    }
  }

  // Channel multiplier m: output channel g * m + j of every group g is one depthwise operation.
  void add_every(const Unit& unit, Convolution work, const View& from, const View& to, int64_t multiplier,
                 int64_t j) {
    const int64_t taps = static_cast<int64_t>(work.kernel_height) * work.kernel_width;
    work.weights = every(work.weights, taps, work.groups, multiplier, j);
    if (work.bias) work.bias = every(*work.bias, 1, work.groups, multiplier, j);
    work.form = Convolution::Form::Depthwise;
    View destination = to;
    destination.c = work.groups;
    destination.offset += j * to.stride_c;
    destination.stride_c = multiplier * to.stride_c;
    add_op(unit, work, from, destination);
  }

  // Rows j, j + step, ... (count of them) of a constant with rows of `length` elements.
  static aneir::Constant every(const aneir::Constant& constant, int64_t length, int64_t count, int64_t step,
                               int64_t j) {
    const int64_t row = length * aneir::size_of(constant.type);
    auto bytes = std::make_shared<Bytes>(static_cast<size_t>(count * row));
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(bytes->data() + i * row, constant.bytes.data() + (i * step + j) * row,
                  static_cast<size_t>(row));
    aneir::Constant result;
    result.type = constant.type;
    result.bytes = *bytes;
    result.owner = std::move(bytes);
    return result;
  }

  void lower_params(const Unit&, const aneir::Broadcast&) {
    throw InternalError("lower: a Broadcast is left");
  }
  void lower_params(const Unit&, const aneir::Softmax&) { throw InternalError("lower: a Softmax is left"); }
  void lower_params(const Unit&, const aneir::MatMul&) { throw InternalError("lower: a MatMul is left"); }
  void lower_params(const Unit&, const aneir::Normalize&) {
    throw InternalError("lower: a Normalize is left");
  }
  void lower_params(const Unit&, const aneir::Select&) { throw InternalError("lower: a Select is left"); }
  void lower_params(const Unit&, const aneir::Cast&) { throw InternalError("lower: a Cast is left"); }

  const aneir::Network& network_;
  const Target& target_;
  Lowered result_;
  std::vector<std::optional<Layout>> layouts_;
  std::vector<Home> homes_;
  std::vector<const Unit*> producers_;
  std::vector<int> output_buffers_;
};

}  // namespace

Lowered lower(const aneir::Network& network, const Target& target) {
  return Lowering(network, target).run();
}

}  // namespace ane::h13
