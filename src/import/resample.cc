// The matrices of resample.h, and the units around them.
#include "import/resample.h"

#include <algorithm>
#include <cmath>

#include "import/refusal.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::TensorId;

constexpr int64_t largest_matrix = int64_t{1} << 26;  // a shape alone stands for it, no data
constexpr double finest_part = 0x1p-11;               // 1 - p is a binary16 number for all its multiples p

void check_matrix(int64_t in, int64_t out) {
  if (out <= largest_matrix / in) return;
  throw Refusal{"resizes " + std::to_string(in) + " pixels to " + std::to_string(out)};
}

// [out][in], as the weights of a 1x1 convolution from the pixels of an axis to the samples.
std::vector<float> interpolation_matrix(const Positions& positions, int64_t in) {
  const auto out = static_cast<int64_t>(positions.size());
  check_matrix(in, out);
  std::vector<float> matrix(static_cast<size_t>(out * in), 0.0f);
  for (int64_t i = 0; i < out; ++i) {
    const double position = std::clamp(positions[static_cast<size_t>(i)], 0.0, static_cast<double>(in - 1));
    const auto below = static_cast<int64_t>(position);
    const double part = std::round((position - static_cast<double>(below)) / finest_part) * finest_part;
    const auto row = static_cast<size_t>(i * in + below);
    matrix[row] = static_cast<float>(1 - part);
    if (part > 0) matrix[row + 1] = static_cast<float>(part);
  }
  return matrix;
}

bool takes_all_in_order(const Positions& positions, int64_t in) {
  if (static_cast<int64_t>(positions.size()) != in) return false;
  for (int64_t i = 0; i < in; ++i)
    if (std::abs(positions[static_cast<size_t>(i)] - static_cast<double>(i)) > finest_part / 4) return false;
  return true;
}

aneir::Transpose exchange(Axis a, Axis b) {
  aneir::Transpose transpose;
  std::swap(transpose.source[static_cast<size_t>(a)], transpose.source[static_cast<size_t>(b)]);
  return transpose;
}

TensorId resample_axis(const aneir::Network& network, const AddUnit& add, TensorId x, Axis axis,
                       const Positions& positions) {
  const aneir::Shape shape = network.tensor(x).shape;
  const auto out = static_cast<int64_t>(positions.size());
  if (takes_all_in_order(positions, shape[axis])) return x;
  if (shape[axis] == 1) {
    aneir::Shape repeated = shape;
    repeated[axis] = out;
    return add(aneir::Broadcast{repeated, false}, {x});
  }
  aneir::Conv conv;
  conv.output_channels = out;
  conv.weights = aneir::Constant::of_floats(interpolation_matrix(positions, shape[axis]));
  const aneir::Transpose turn = exchange(axis, Axis::Channel);
  return add(turn, {add(std::move(conv), {add(turn, {x})})});
}

}  // namespace

Positions positions_on(Grid grid, int64_t in, int64_t out) {
  check_matrix(in, out);
  const double pixels = static_cast<double>(in), points = static_cast<double>(out);
  Positions positions;
  for (int64_t i = 0; i < out; ++i) {
    const auto point = static_cast<double>(i);
    switch (grid) {
      case Grid::EndPoints:
        positions.push_back(out == 1 ? 0 : point * (pixels - 1) / (points - 1));
        break;
      case Grid::FromFirst:
        positions.push_back(point * pixels / points);
        break;
      case Grid::PixelCentres:
        positions.push_back((point + 0.5) * pixels / points - 0.5);
        break;
    }
  }
  return positions;
}

Positions nearest_positions(double factor, int64_t in, int64_t out) {
  check_matrix(in, out);
  if (!(factor > 0)) throw Refusal{"a scaling factor of " + std::to_string(factor)};
  Positions positions;
  for (int64_t i = 0; i < out; ++i) positions.push_back(std::floor(static_cast<double>(i) / factor));
  return positions;
}

TensorId resample(const aneir::Network& network, const AddUnit& add, TensorId x, const Positions& rows,
                  const Positions& columns) {
  x = resample_axis(network, add, x, Axis::Height, rows);
  return resample_axis(network, add, x, Axis::Width, columns);
}

}  // namespace ane::import
