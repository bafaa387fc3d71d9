// Reductions and normalisation.
//
// The planar engine reduces each channel of each group over columns, rows and depth; the NE takes the maximum
// over channels. Which axes become which is a matter of strides for data in DRAM. Sums over channels of
// images, and all reductions over rows, need a pass that transposes first.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/geometry.h"
#include "h13/lowering.h"

namespace ane::h13 {

namespace {

using aneir::ReductionType;

constexpr int64_t long_row = 128;  // reduced in four parts, one below the other

bool reduces(const std::vector<Axis>& axes, Axis axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// Channel and row of an image as one plane after the other: rows are channels, depth is rows.
View as_volume(const View& view) {
  View volume = view;
  volume.c = 1, volume.h = view.c, volume.d = view.h;
  volume.stride_h = view.stride_c, volume.stride_c = view.image_bytes, volume.image_bytes = view.stride_h;
  volume.stride_g = view.image_bytes;
  return volume;
}

// Rows as groups of a task.
View rows_as_groups(const View& view) {
  View grouped = view;
  grouped.g = view.h, grouped.h = 1;
  grouped.stride_g = view.stride_h, grouped.stride_h = view.image_bytes;
  return grouped;
}

// A row of a matrix in L2 in four parts, one below the other.
View in_parts(const View& view) {
  View parts = view;
  parts.w = view.w / 4, parts.h = 4;
  parts.stride_h = parts.w * 2;
  return parts;
}

View vector_of(const View& row, int64_t channels, int64_t offset = 0) {
  View vector = row;
  vector.offset += offset;
  vector.w = vector.h = 1, vector.c = channels;
  vector.stride_c = 2;
  return vector;
}

}  // namespace

// Batches that passes have left whole are done image by image, in the older way.
void Lowering::lower_params(const Unit& unit, const aneir::Reduction& reduction) {
  const bool one_image = network_.tensor(unit.bottoms[0]).shape.n == 1;
  if (composites_ && one_image && reduction.type != aneir::ReductionType::MeanSquare &&
      !reduction.activation) {
    reduce(unit, reduction);
    return;
  }
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
  const Shape& reduced = network_.tensor(unit.bottoms[0]).shape;
  work.elements = reduction.axes.size() == 2 ? reduced.h * reduced.w : reduced.w;
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

// The units that turn the channels of a reduced image into an output of one row, if they are all that reads
// it. One value per channel stays in order through any regrouping.
std::vector<const Unit*> Lowering::flattening_readers(const Unit& unit) const {
  std::vector<const Unit*> chain;
  const int64_t channels = network_.tensor(unit.top).shape.c;
  TensorId at = unit.top;
  while (!is_output(at)) {
    const std::vector<const Unit*> all = readers(at);
    if (all.size() != 1 || !(all[0]->as<aneir::Reshape>() || all[0]->as<aneir::Transpose>())) return {};
    chain.push_back(all[0]);
    at = all[0]->top;
  }
  const Shape& flat = network_.tensor(at).shape;
  return channels > 1 && flat.w == channels && flat.count() == channels ? chain : std::vector<const Unit*>{};
}

void Lowering::reduce(const Unit& unit, const aneir::Reduction& reduction) {
  const View from = view_of(unit.bottoms[0]);
  const bool c = reduces(reduction.axes, Axis::Channel) && from.c > 1,
             h = reduces(reduction.axes, Axis::Height) && from.h > 1,
             w = reduces(reduction.axes, Axis::Width) && from.w > 1;
  PlaneReduce work;
  work.type = reduction.type;
  work.elements = (c ? from.c : 1) * (h ? from.h : 1) * (w ? from.w : 1);
  const bool maximum = reduction.type == ReductionType::Max;
  if (reduction.type == ReductionType::Min)
    throw Error("", unit.layer, "minima are not done on this engine directly",
                "negate, take the maximum, negate");
  if (!c && (w || h) && (w || from.w == 1) && (h || from.h == 1)) {
    if (const std::vector<const Unit*> flat = flattening_readers(unit); !flat.empty()) {
      View row = output_surface(flat.back()->top);
      row.c = row.w, row.w = 1, row.stride_c = 2;
      add_op(unit, work, from, row);
      done_.insert(flat.begin(), flat.end());
      return;
    }
    add_op(unit, work, from, destination_of(unit));
  } else if (c && (w || from.w == 1) && (h || from.h == 1)) {
    if (maximum && from.w == 1 && from.h == 1) {
      ChannelReduce most;
      most.maximum = true;
      add_op(unit, most, from, destination_of(unit));
    } else if (from.w == 1 && from.h == 1) {
      add_op(unit, work, rows_and_channels_exchanged(from), destination_of(unit));
    } else {
      add_op(unit, work, as_volume(from), destination_of(unit));
    }
  } else if (w && !c && !h) {
    const View to = destination_of(unit);
    if (from.c == 1)
      add_op(unit, work, rows_and_channels_exchanged(from), rows_and_channels_exchanged(to));
    else
      add_op(unit, work, rows_as_groups(from), rows_as_groups(to));
  } else if (c && !h && from.w == 1 && !maximum) {
    // One column: channels are read as rows.
    add_op(unit, work, rows_and_channels_exchanged(from), rows_and_channels_exchanged(destination_of(unit)));
  } else if (c && !w && !h) {
    const bool turns = reduction.type != ReductionType::Sum ||
                       from.h * from.w * round_up(from.c * 2, 16) <= target_.l2_bytes / 2;
    if (maximum || !turns) {
      ChannelReduce channels;
      channels.maximum = maximum;
      add_op(unit, channels, from, destination_of(unit));
      return;
    }
    // Channels become columns; the sums of one row of the image then lie side by side.
    const int64_t pitch = round_up(from.c * 2, 16), depth = from.w * pitch;
    const bool parts = from.c >= long_row && from.c % 32 == 0;  // each part begins at a granule
    View columns = on_chip(unit.name + "_columns", from.c, from.h, from.w,
                           parts ? depth : planar_row(depth, target_), from.c * from.h * from.w * 2);
    Bypass transpose;
    transpose.transpose = true;
    add_op(unit, transpose, from, columns);
    View grouped = rows_as_groups(columns);
    if (parts) grouped = in_parts(grouped);
    const View to = destination_of(unit);
    View rows = to;
    rows.c = to.w, rows.w = rows.h = 1, rows.g = to.h;
    rows.stride_c = 2, rows.stride_g = to.stride_h, rows.stride_h = to.stride_c;
    add_op(unit, work, grouped, rows);
  } else if (h && !c && !w) {
    // Rows become channels, then columns; the result comes back the same way.
    const View source = rows_and_channels_exchanged(from);
    const int64_t pitch = round_up(source.c * 2, 16), depth = source.w * pitch;
    const int64_t row = depth / 16 % 2 == 0 ? depth + 16 : depth;
    View columns = on_chip(unit.name + "_columns", source.c, source.h, source.w, row,
                           source.c * source.h * source.w * 2);
    Bypass transpose;
    transpose.transpose = true;
    add_op(unit, transpose, source, columns);
    View each = columns;
    each.c = columns.h, each.g = columns.c, each.h = 1;
    each.stride_c = columns.stride_h, each.stride_g = columns.stride_c, each.stride_h = depth;
    View sums = statistics(unit.name + "_sums", each.c * each.g);
    buffer(sums.buffer).content = Buffer::Content::Tensor;
    sums.c = each.c, sums.g = each.g;
    sums.image_bytes = sums.stride_g = each.c * 16;
    add_op(unit, work, each, sums);
    View back = sums;
    back.h = sums.c, back.c = sums.g, back.g = 1;
    back.stride_h = 16, back.stride_c = sums.stride_g, back.stride_g = 0;
    add_op(unit, transpose, back, rows_and_channels_exchanged(destination_of(unit)));
  } else {
    throw Error("", unit.layer.empty() ? unit.name : unit.layer,
                "no public program shows a reduction over these axes together",
                "reduce over one axis at a time");
  }
}

// ---- Normalisation ----

void Lowering::lower_params(const Unit& unit, const aneir::Normalize& normalize) {
  const View from = view_of(unit.bottoms[0]);
  const bool c = reduces(normalize.axes, Axis::Channel) && from.c > 1,
             h = reduces(normalize.axes, Axis::Height) && from.h > 1,
             w = reduces(normalize.axes, Axis::Width) && from.w > 1;
  // An axis named but of length 1 makes no difference, except that all of C, H and W together are one volume.
  const bool all = reduces(normalize.axes, Axis::Channel) && (h || from.h == 1) && (w || from.w == 1) &&
                   normalize.axes.size() > 1;
  const bool one_row = w && from.h == 1 && from.c == 1;
  const bool one_plane = from.c == 1 && h && (w || from.w == 1);
  if (all || one_row || one_plane)
    normalize_all(unit, normalize.epsilon);
  else if (c && from.w == 1 && from.h == 1)
    normalize_pixels(unit, normalize.epsilon);
  else if (c && !h && !w)
    normalize_channels(unit, normalize.epsilon);
  else if (w && !h && !c && from.c == 1)
    normalize_columns(unit, normalize.epsilon);
  else if (w && !h && !c)
    normalize_rows_of_image(unit, normalize.epsilon);
  else if (!c && (w || h) && (w || from.w == 1) && (h || from.h == 1))
    normalize_planes(unit, normalize.epsilon);
  else
    throw Error("", unit.layer.empty() ? unit.name : unit.layer,
                "no public program shows a normalisation over these axes together",
                "normalise over one axis");
}

namespace {

PlaneReduce mean(int64_t elements) {
  PlaneReduce work;
  work.type = ReductionType::Mean;
  work.elements = elements;
  return work;
}

PlaneReduce deviation(int64_t elements, float epsilon) {
  PlaneReduce work;
  work.type = ReductionType::MeanSquare;
  work.elements = elements;
  work.epsilon = epsilon;
  return work;
}

}  // namespace

// A matrix by rows: rows are channels, mean and inverse deviation a pair of vectors.
void Lowering::normalize_columns(const Unit& unit, float epsilon) {
  const View stored = view_of(unit.bottoms[0]);
  View source = rows_and_channels_exchanged(stored);
  const int64_t rows = source.c, dense = source.w * rows * 2, pitch = round_up(source.w * 2, 16);
  const Unit* producer = producers_[static_cast<size_t>(unit.bottoms[0])];
  const bool behind_another =
      producer && producer->as<aneir::Normalize>() && readers(unit.bottoms[0]).size() == 1;
  if (behind_another) plan_in_scratch(source);
  const int64_t vector_bytes = round_up(rows * 2, 16);
  const View pair =
      on_chip(unit.name + "_statistics", rows, 2, 1, vector_bytes, rows * 4, Buffer::Content::Statistics);
  add_op(unit, mean(source.w), source, vector_of(pair, rows));
  if (behind_another) {
    last_op().planned_source = planned_.at(source.buffer);
    planned_.erase(source.buffer);
  }
  if (!source.on_chip) source = keep_source(unit.name + "_source");
  add_op(unit, deviation(source.w, epsilon), vector_of(pair, rows), vector_of(pair, rows, vector_bytes),
         source);
  View to;
  if (stays_on_chip(unit.top)) {
    to = on_chip(unit.name, source.w, 1, rows, rows * pitch, dense);
    Layout place;
    place.view = rows_and_channels_exchanged(to);
    layouts_[static_cast<size_t>(unit.top)] = place;
  } else {
    to = rows_and_channels_exchanged(destination_of(unit));
  }
  add_op(unit, GainOffset{true}, source, to, vector_of(pair, rows));
}

// Each channel's plane.
void Lowering::normalize_planes(const Unit& unit, float epsilon) {
  View source = view_of(unit.bottoms[0]);
  const int64_t channels = source.c, elements = source.w * source.h,
                vector_bytes = round_up(channels * 2, 16);
  const View pair = on_chip(unit.name + "_statistics", channels, 2, 1, vector_bytes, channels * 4,
                            Buffer::Content::Statistics);
  add_op(unit, mean(elements), source, vector_of(pair, channels));
  if (!source.on_chip) source = keep_source(unit.name + "_source");
  add_op(unit, deviation(elements, epsilon), vector_of(pair, channels),
         vector_of(pair, channels, vector_bytes), source);
  add_op(unit, GainOffset{true}, source, destination_of(unit), vector_of(pair, channels));
}

// The whole tensor: one volume; it is read a second time for the result.
void Lowering::normalize_all(const Unit& unit, float epsilon) {
  const View from = view_of(unit.bottoms[0]);
  const View volume = as_volume(from);
  const int64_t elements = from.c * from.h * from.w;
  View pair = on_chip(unit.name + "_statistics", 1, 2, 1, 32, 4, Buffer::Content::Statistics);
  View first = pair, second = pair;
  first.h = second.h = 1;
  second.offset += pair.stride_h;
  add_op(unit, mean(elements), volume, first);
  View kept = volume;
  if (!from.on_chip) kept = keep_source(unit.name + "_source");
  add_op(unit, deviation(elements, epsilon), first, second, kept);
  add_op(unit, GainOffset{true}, from, destination_of(unit), first);
}

// One pixel a channel: as a row.
void Lowering::normalize_pixels(const Unit& unit, float epsilon) {
  const View from = view_of(unit.bottoms[0]);
  const int64_t channels = from.c;
  const View row = on_chip(unit.name + "_row", channels, 1, 1, round_up(channels * 2, 16), channels * 2);
  View pair = on_chip(unit.name + "_statistics", 1, 2, 1, 32, 4, Buffer::Content::Statistics);
  View first = pair, second = pair;
  first.h = second.h = 1;
  second.offset += pair.stride_h;
  add_op(unit, Scalar{}, from, vector_of(row, channels));
  add_op(unit, mean(channels), row, first);
  add_op(unit, deviation(channels, epsilon), first, second, row);
  add_op(unit, GainOffset{true}, row, row, first);
  add_op(unit, Scalar{}, vector_of(row, channels), destination_of(unit));
}

// Each pixel's channels: they become columns for the reductions.
void Lowering::normalize_channels(const Unit& unit, float epsilon) {
  View source = view_of(unit.bottoms[0]);
  const int64_t w = source.w, h = source.h, c = source.c, dense = w * h * c * 2;
  const auto columns = [&](const char* name) {
    return on_chip(unit.name + name, c, h, w, planar_row(w * round_up(c * 2, 16), target_), dense);
  };
  const auto map = [&](const char* name) {
    return on_chip(unit.name + name, w, h, c, planar_row(c * round_up(w * 2, 16), target_), dense);
  };
  // The values of one row of pixels side by side, rows after each other.
  const int64_t pitch = round_up(w * 2, 16);
  const auto values = [&](const char* name) {
    View view = on_chip(unit.name + name, 1, 1, w, h * pitch, w * h * 2, Buffer::Content::Statistics);
    view.stride_c = 2, view.image_bytes = pitch;
    view.g = h, view.stride_g = pitch;
    return view;
  };
  const auto beside = [&](const View& vector) {
    View view = vector;
    view.w = w, view.h = h, view.c = view.g = 1;
    view.stride_h = view.stride_c = pitch, view.stride_g = 0;
    return view;
  };
  Bypass transpose;
  transpose.transpose = true;
  const View transposed = columns("_columns");
  add_op(unit, transpose, source, transposed);
  if (!source.on_chip) source = keep_source(unit.name + "_source");
  const View means = values("_means");
  add_op(unit, mean(c), rows_as_groups(transposed), means);
  const View centred = map("_centred");
  Elementwise difference;
  difference.op = aneir::ElementWiseOp::Sub;
  add_op(unit, difference, source, centred, beside(means));
  const View centred_columns = columns("_centred_columns");
  add_op(unit, transpose, centred, centred_columns);
  const View inverse = values("_inverse");
  add_op(unit, deviation(c, epsilon), rows_as_groups(centred_columns), inverse);
  Elementwise product;
  product.op = aneir::ElementWiseOp::Mult;
  add_op(unit, product, centred, destination_of(unit), beside(inverse));
}

// Each row of each channel.
void Lowering::normalize_rows_of_image(const Unit& unit, float epsilon) {
  View source = view_of(unit.bottoms[0]);
  const int64_t w = source.w, h = source.h, c = source.c, dense = w * h * c * 2;
  const auto map = [&](const char* name, Buffer::Content content) {
    return on_chip(unit.name + name, w, h, c, planar_row(c * round_up(w * 2, 16), target_), dense, content);
  };
  const auto values = [&](const char* name) {
    View view = statistics(unit.name + name, c * h);
    buffer(view.buffer).content = Buffer::Content::Tensor;
    view.c = c, view.g = h;
    view.image_bytes = view.stride_g = c * 16;
    return view;
  };
  const auto beside = [&](View view) {
    view.g = 1, view.h = h;
    view.stride_h = view.stride_g, view.stride_g = 0;
    return view;
  };
  if (!source.on_chip) {
    const View copy = map("_copy", Buffer::Content::Tensor);
    add_op(unit, Bypass{}, source, copy);
    source = copy;
  }
  const View means = values("_means");
  add_op(unit, mean(w), rows_as_groups(source), means);
  const View centred = map("_centred", Buffer::Content::Tensor);
  Elementwise difference;
  difference.op = aneir::ElementWiseOp::Sub;
  add_op(unit, difference, source, centred, beside(means));
  const View inverse = values("_inverse");
  add_op(unit, deviation(w, epsilon), rows_as_groups(centred), inverse);
  Elementwise product;
  product.op = aneir::ElementWiseOp::Mult;
  add_op(unit, product, centred, destination_of(unit), beside(inverse));
}

}  // namespace ane::h13
