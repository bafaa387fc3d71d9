// A transposed convolution with stride s scatters: input pixel i adds to outputs i*s + u - pad. Seen from an
// output pixel s*q + p it gathers: only every s-th tap reaches it, from neighbouring inputs, so all outputs
// of one phase p are an ordinary convolution of stride 1 with the taps of that phase. There are s*s phases;
// their kernels together hold each tap once, so nothing is computed that the layer did not ask for.
//
// Weaving the phases together is movement of data. Rows and channels weave by strides alone: every phase is
// written to every s-th row. Columns would too if they were channels, so each phase is turned (C <-> W) on
// its way and the whole turned back at the end: s*s + 1 passes that are in executed programs (captured
// transpositions), against a native form (two output pixels a step) whose words no public program shows for
// this use.
//
// Block upsampling (a depthwise kernel of ones as large as the stride) is the special case where every phase
// is the input itself: one turn is enough.
#include <algorithm>

#include "aneir/plist.h"
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

// The taps of one phase along one axis: kernel element j reads input q + j - pad, and is tap taps[j] of the
// layer's kernel, or none (-1) where zeros keep the padding from becoming negative.
struct Phase {
  std::vector<int> taps;
  int pad_before = 0, pad_after = 0;
};

Phase phase_of(int phase, int stride, int kernel, int pad, int64_t in, int64_t out) {
  const int first = (phase + pad) % stride, base = (phase + pad) / stride;
  std::vector<int> taps;
  for (int tap = first; tap < kernel; tap += stride) taps.insert(taps.begin(), tap);
  // A kernel smaller than the stride leaves phases without taps, which hold the bias alone.
  if (taps.empty()) taps.push_back(-1);
  int before = static_cast<int>(taps.size()) - 1 - base;
  for (; before < 0; ++before) taps.insert(taps.begin(), -1);
  int64_t after = out - in - before + static_cast<int64_t>(taps.size()) - 1;
  for (; after < 0; ++after) taps.push_back(-1);
  return {std::move(taps), before, static_cast<int>(after)};
}

// Weights [Cin][Cout/groups][kh][kw] of the layer -> [Cout][Cin/groups][taps][taps] of one phase.
Constant phase_weights(const Conv& conv, const std::vector<float>& weights, int64_t in_channels,
                       const Phase& y, const Phase& x) {
  const int64_t in = in_channels / conv.groups, out = conv.output_channels / conv.groups;
  std::vector<float> phase;
  phase.reserve(static_cast<size_t>(conv.output_channels * in) * y.taps.size() * x.taps.size());
  for (int64_t o = 0; o < conv.output_channels; ++o)
    for (int64_t i = 0; i < in; ++i) {
      const int64_t from = ((o / out * in + i) * out + o % out) * conv.kernel_height;
      for (const int v : y.taps)
        for (const int u : x.taps)
          phase.push_back(v < 0 || u < 0 ? 0
                                         : weights[static_cast<size_t>((from + v) * conv.kernel_width + u)]);
    }
  return Constant::of_floats(std::move(phase));
}

TensorId convolve_phase(const Conv& conv, const std::vector<float>& weights, const Phase& y, const Phase& x,
                        TensorId from, Replacement& here) {
  Conv phase;
  phase.output_channels = conv.output_channels;
  phase.kernel_height = static_cast<int>(y.taps.size()), phase.kernel_width = static_cast<int>(x.taps.size());
  phase.pad_top = y.pad_before, phase.pad_bottom = y.pad_after;
  phase.pad_left = x.pad_before, phase.pad_right = x.pad_after;
  phase.groups = conv.groups;
  phase.weights = phase_weights(conv, weights, here.shape(from).c, y, x);
  phase.bias = conv.bias;
  phase.activation = conv.activation;
  return here.add("phase", phase, {from});
}

// Element i of every tensor in turn, along one axis.
TensorId weave(const std::vector<TensorId>& phases, Axis axis, Replacement& here) {
  return phases.size() == 1 ? phases[0] : here.add("woven", aneir::Concat{axis, true}, phases);
}

TensorId weave_phases(const std::vector<std::vector<TensorId>>& phases, Shape result, Replacement& here) {
  std::vector<TensorId> columns;
  for (size_t x = 0; x < phases[0].size(); ++x) {
    std::vector<TensorId> rows;
    for (const std::vector<TensorId>& row : phases)
      rows.push_back(here.swap("turned", row[x], Axis::Channel, Axis::Width));
    columns.push_back(weave(rows, Axis::Height, here));
  }
  TensorId woven = weave(columns, Axis::Channel, here);
  woven = here.view("columns", woven, Axis::Channel, 0, result.w);
  woven = here.view("rows", woven, Axis::Height, 0, result.h);
  return here.swap("back", woven, Axis::Channel, Axis::Width);
}

// Every phase is the input: it is turned once and woven with itself.
TensorId upsample_blocks(const Conv& conv, TensorId from, Replacement& here) {
  const TensorId turned = here.swap("turned", from, Axis::Channel, Axis::Width);
  const TensorId tall =
      weave(std::vector<TensorId>(static_cast<size_t>(conv.stride_y), turned), Axis::Height, here);
  const TensorId wide =
      weave(std::vector<TensorId>(static_cast<size_t>(conv.stride_x), tall), Axis::Channel, here);
  return here.swap("back", wide, Axis::Channel, Axis::Width);
}

}  // namespace

bool decompose_transposed_convolution(Network& network, const EngineFacts&) {
  return rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    const auto* found = unit.as<Conv>();
    if (!found || !found->transposed) return no_tensor;
    const Conv conv = *found;
    const TensorId from = unit.bottoms[0];
    const Shape in = here.shape(from), out = here.shape(unit.top);
    if (in.n != 1 || conv.dilation_x != 1 || conv.dilation_y != 1) return no_tensor;
    if (aneir::is_block_upsampling(conv) && !conv.bias && !conv.activation && out.h == in.h * conv.stride_y &&
        out.w == in.w * conv.stride_x)
      return upsample_blocks(conv, from, here);
    const std::vector<float> weights = conv.weights.floats();
    const int64_t rows = (out.h + conv.stride_y - 1) / conv.stride_y,
                  columns = (out.w + conv.stride_x - 1) / conv.stride_x;
    std::vector<std::vector<TensorId>> phases;
    for (int y = 0; y < conv.stride_y; ++y) {
      phases.emplace_back();
      const Phase of_rows = phase_of(y, conv.stride_y, conv.kernel_height, conv.pad_top, in.h, rows);
      for (int x = 0; x < conv.stride_x; ++x) {
        const Phase of_columns = phase_of(x, conv.stride_x, conv.kernel_width, conv.pad_left, in.w, columns);
        phases.back().push_back(convolve_phase(conv, weights, of_rows, of_columns, from, here));
      }
    }
    return weave_phases(phases, out, here);
  });
}

}  // namespace ane::passes
