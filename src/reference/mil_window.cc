#include "reference/mil_window.h"

#include <fmt/format.h>

namespace ane::reference {

SpatialShape spatial_shape(const MilCall& call) {
  const Shape& x = call.tensor("x").shape;
  if (x.size() < 3 || x.size() > 5)
    call.fail(fmt::format("x has the shape {}, not three to five axes", to_string(x)));
  return {x[0], x[1], {x.begin() + 2, x.end()}};
}

Windows unpadded_windows(const MilCall& call, const Shape& in, const Shape& kernel, bool dilated) {
  const std::vector<int64_t> strides = call.positives("strides", in.size());
  const std::vector<int64_t> dilations =
      dilated ? call.positives("dilations", in.size()) : std::vector<int64_t>(in.size(), 1);
  Windows windows;
  for (size_t axis = 0; axis < in.size(); ++axis) {
    Window& window = window_of(windows, axis, in.size());
    window.in = in[axis];
    window.kernel = kernel[axis];
    window.stride = strides[axis];
    window.dilation = dilations[axis];
  }
  return windows;
}

std::vector<Edges> edges_of(const MilCall& call, size_t axes) {
  const std::vector<int64_t> pad = call.integers("pad", 2 * axes);
  std::vector<Edges> edges;
  for (size_t axis = 0; axis < axes; ++axis) {
    edges.push_back({pad[2 * axis], pad[2 * axis + 1]});
    if (edges.back().before < 0 || edges.back().after < 0) call.fail("pad holds a negative amount");
  }
  return edges;
}

Windows padded_windows(const MilCall& call, const Shape& in, const Shape& kernel, bool dilated) {
  Windows windows = unpadded_windows(call, in, kernel, dilated);
  const std::string& type = call.text("pad_type");
  const std::vector<Edges> edges =
      type == "custom" ? edges_of(call, in.size()) : std::vector<Edges>(in.size());
  if (type != "custom" && type != "valid" && type != "same" && type != "same_lower")
    call.fail(fmt::format("pad_type {} is not known", type));
  for (size_t axis = 0; axis < in.size(); ++axis) {
    Window& window = window_of(windows, axis, in.size());
    const bool same = type == "same" || type == "same_lower";
    window = same ? padded_same(window, type == "same_lower") : padded_by(window, edges[axis]);
    if (window.out < 1) call.fail("the kernel is larger than the padded input");
  }
  return windows;
}

Shape windowed_shape(int64_t n, int64_t channels, const Windows& windows, size_t axes) {
  Shape shape = {n, channels};
  for (size_t axis = windows.size() - axes; axis < windows.size(); ++axis) shape.push_back(windows[axis].out);
  return shape;
}

}  // namespace ane::reference
