// Espresso's layers that compute on values where they stand: activations, elementwise arithmetic,
// normalisation, reductions, softmax. Numbers of functions are those of docs/espresso.md, sections 6 to 8.
//
// Functions are evaluated in double and rounded once.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "reference/espresso_layers.h"
#include "reference/normalization_kernel.h"
#include "reference/reduction_kernel.h"
#include "reference/scalar_functions.h"

namespace ane::reference {
namespace {

using Function = double (*)(double x, double alpha, double beta);
using Combination = double (*)(double a, double b);

// By activation.mode.
const std::map<int64_t, Function> activations = {
    {0, [](double x, double, double) { return std::max(x, 0.0); }},
    {1, [](double x, double, double) { return std::tanh(x); }},
    {2, [](double x, double alpha, double) { return x < 0 ? alpha * x : x; }},
    {3, [](double x, double, double) { return sigmoid(x); }},
    {5, [](double x, double alpha, double beta) { return alpha * std::tanh(beta * x); }},
    {6, [](double x, double alpha, double beta) { return alpha * x + beta; }},
    {7, [](double x, double alpha, double beta) { return hard_sigmoid(x, alpha, beta); }},
    {8, [](double x, double alpha, double) { return elu(x, alpha); }},
    {9, [](double x, double alpha, double) { return x > alpha ? x : 0; }},
    {10, [](double x, double, double) { return softplus(x); }},
    {12, [](double x, double, double) { return softsign(x); }},
    {13, [](double x, double alpha, double) { return std::max(x, alpha); }},
    {14, [](double, double alpha, double) { return alpha; }},
    {16, [](double x, double, double) { return 1.0507009873554805 * elu(x, 1.6732632423543772); }},
    {19, [](double x, double, double) { return gelu(x); }},
    {20, [](double x, double, double) { return std::erf(x); }},
    {21, [](double x, double, double) { return gelu_by_tanh(x); }},
    {22, [](double x, double, double) { return gelu_by_sigmoid(x); }},
    {23, [](double x, double, double) { return x >= 0 ? 1.0 : 0.0; }},
    {24, [](double x, double alpha, double) { return std::min(x, alpha); }},
    {25, [](double x, double, double) { return x * sigmoid(x); }},
    {26, [](double x, double, double) { return x * hard_sigmoid(x, 1.0 / 6, 0.5); }},
};

// By elementwise.operation, with one bottom. (1/x and 1/sqrt(x) also have an epsilon.)
const std::map<int64_t, Function> unary_operations = {
    {2, [](double x, double alpha, double) { return x + alpha; }},
    {3, [](double x, double alpha, double) { return x * alpha; }},
    {8, [](double x, double, double) { return x * x; }},
    {11, [](double x, double, double) { return std::sqrt(x); }},
    {13, [](double x, double alpha, double) { return std::pow(x, alpha); }},
    {24, [](double x, double, double) { return std::abs(x); }},
    {25, [](double x, double alpha, double) { return std::max(x, alpha); }},
    {26, [](double x, double, double) { return std::log(x); }},
    {27, [](double x, double, double) { return std::exp(x); }},
    {35, [](double x, double, double) { return std::exp2(x); }},
    {37, [](double x, double, double) { return std::nearbyint(x); }},
    {38, [](double x, double, double) { return sign(x); }},
    {112, [](double x, double, double) { return x == 0 ? 1.0 : 0.0; }},
    {114, [](double x, double, double) { return std::cos(x); }},
    {115, [](double x, double, double) { return std::sin(x); }},
    {117, [](double x, double, double) { return std::floor(x); }},
    {118, [](double x, double, double) { return std::ceil(x); }},
    {119, [](double x, double alpha, double beta) { return std::min(std::max(x, alpha), beta); }},
    {121, [](double x, double, double) { return std::tan(x); }},
    {122, [](double x, double, double) { return std::cosh(x); }},
    {123, [](double x, double, double) { return std::sinh(x); }},
    {124, [](double x, double, double) { return std::tanh(x); }},
    {125, [](double x, double, double) { return std::acos(x); }},
    {126, [](double x, double, double) { return std::asin(x); }},
    {127, [](double x, double, double) { return std::atan(x); }},
    {128, [](double x, double, double) { return std::acosh(x); }},
    {129, [](double x, double, double) { return std::asinh(x); }},
    {130, [](double x, double, double) { return std::atanh(x); }},
    {131, [](double x, double alpha, double) { return x < alpha ? 1.0 : 0.0; }},
    {132, [](double x, double alpha, double) { return x <= alpha ? 1.0 : 0.0; }},
    {133, [](double x, double alpha, double) { return x > alpha ? 1.0 : 0.0; }},
    {134, [](double x, double alpha, double) { return x >= alpha ? 1.0 : 0.0; }},
    {135, [](double x, double alpha, double) { return x != alpha ? 1.0 : 0.0; }},
    {136, [](double x, double alpha, double) { return x == alpha ? 1.0 : 0.0; }},
};

// By elementwise.operation, with two bottoms.
const std::map<int64_t, Combination> binary_operations = {
    {0, [](double a, double b) { return a + b; }},
    {1, [](double a, double b) { return a * b; }},
    {13, [](double a, double b) { return std::pow(a, b); }},
    {22, [](double a, double b) { return std::min(a, b); }},
    {23, [](double a, double b) { return std::max(a, b); }},
    {33, [](double a, double b) { return a - b; }},
    {36, [](double a, double b) { return floored_remainder(a, b); }},
    {100, [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {102, [](double a, double b) { return a / b; }},
    {103, [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {104, [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    {105, [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    {106, [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
    {107, [](double a, double b) { return a != b ? 1.0 : 0.0; }},
    {1021, [](double a, double b) { return std::floor(a / b); }},
};

// Those whose further bottoms are combined in turn.
bool may_be_chained(int64_t operation) {
  return operation == 0 || operation == 1 || operation == 22 || operation == 23;
}

Tensor mapped(const EspressoCall& call, Function function) {
  const double alpha = call.number("alpha", 1), beta = call.number("beta", 0);
  return map_elements(call.input(), [=](double x) { return function(x, alpha, beta); });
}

// A slope for each channel, or one for all.
Tensor prelu(const EspressoCall& call, int64_t blob) {
  const Tensor& input = call.input();
  const int64_t channels = input.shape[axis_k], plane = input.shape[axis_h] * input.shape[axis_w];
  const bool single = call.net.blob(blob, call.layer.name).bytes.size() == sizeof(float);
  const std::vector<float> slopes = call.floats(blob, single ? 1 : channels);
  Tensor result = input;
  for (size_t i = 0; i < result.data.size(); ++i)
    if (result.data[i] < 0)
      result.data[i] *= slopes[single ? 0 : i / static_cast<size_t>(plane) % slopes.size()];
  return result;
}

Tensor unary(const EspressoCall& call, int64_t operation) {
  const double epsilon = call.number("eps", 0);
  if (operation == 10) return map_elements(call.input(), [=](double x) { return 1 / (x + epsilon); });
  if (operation == 12)
    return map_elements(call.input(), [=](double x) { return 1 / std::sqrt(x + epsilon); });
  const auto found = unary_operations.find(operation);
  if (found == unary_operations.end()) call.fail(fmt::format("unknown operation {} on one blob", operation));
  return mapped(call, found->second);
}

Tensor combined(const EspressoCall& call, int64_t operation) {
  const auto found = binary_operations.find(operation);
  if (found == binary_operations.end())
    call.fail(fmt::format("unknown operation {} on several blobs", operation));
  call.require(call.inputs.size() == 2 || may_be_chained(operation),
               fmt::format("{} blobs", call.inputs.size()));
  call.require(call.number("alpha", 1) == 1 && call.number("beta", 0) == 0,
               "what alpha and beta do to several blobs is not known");
  Tensor result = call.input();
  for (size_t i = 1; i < call.inputs.size(); ++i) {
    const std::optional<Shape> shape = broadcast_shape(result.shape, call.input(i).shape);
    if (!shape)
      call.fail(fmt::format("the shapes {} and {} do not match", to_string(result.shape),
                            to_string(call.input(i).shape)));
    make_result(call, *shape);
    result = combine_elements(result, call.input(i), *shape,
                              [&](double a, double b) { return found->second(a, b); });
  }
  return result;
}

// Where the axes are not given by a code that is known, they are those that the shape file shows shrinking
// to 1.
std::vector<bool> reduced_axes(const EspressoCall& call) {
  std::vector<bool> reduced(5, false);
  if (call.integer("axis_mode", -1) == 4) {
    reduced[axis_k] = true;
    return reduced;
  }
  const Shape &from = call.input().shape, to = call.declared();
  for (size_t axis = 0; axis < 5; ++axis) reduced[axis] = from[axis] != to[axis] && to[axis] == 1;
  return reduced;
}

const Reduction* reduction_of(int64_t mode) {
  switch (mode) {
    case 0:
      return &sum_of;
    case 1:
      return &mean_of;
    case 2:
      return &product_of;
    case 4:
      return &sum_of_squares;
    case 5:
      return &l2_norm;
    case 8:
      return &l1_norm;
    case 9:
      return &maximum_of;
    case 10:
      return &minimum_of;
    default:
      return nullptr;
  }
}

}  // namespace

Tensor espresso_activation(const EspressoCall& call) {
  const int64_t mode = call.integer("mode");
  const std::vector<int64_t> blobs = call.layer.blob_ids(call.net.file);
  if (mode == 2 && blobs.size() == 1) return prelu(call, blobs[0]);
  call.require(blobs.empty(), "arrays whose meaning is not known");
  const auto found = activations.find(mode);
  if (found == activations.end()) call.fail(fmt::format("unknown mode {}", mode));
  return mapped(call, found->second);
}

Tensor espresso_elementwise(const EspressoCall& call) {
  const int64_t operation = call.integer("operation");
  Tensor result = call.inputs.size() < 2 ? unary(call, operation) : combined(call, operation);
  if (call.flag("fused_relu")) result = map_elements(result, [](float x) { return x < 0 ? 0.0f : x; });
  return result;
}

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with stored statistics or those of each image's
// channels.
Tensor espresso_batchnorm(const EspressoCall& call) {
  const Tensor& input = call.input();
  const int64_t channels = input.shape[axis_k], plane = input.shape[axis_h] * input.shape[axis_w];
  const int64_t images = input.shape[axis_seq] * input.shape[axis_n];
  call.require(call.integer("C", channels) == channels, "C is not the input's channels");
  const std::vector<float> params = call.floats("blob_batchnorm_params", 4 * channels);
  const double epsilon = call.number("training_eps", 1e-5f);
  const bool of_data = call.flag("training");
  call.require(!of_data || call.flag("training_instancenorm") || images == 1,
               "statistics over a batch are not known");
  Tensor result = make_tensor(input.shape);
  for (int64_t p = 0; p < images * channels; ++p) {
    const float* of_channel = params.data() + 4 * (p % channels);
    const float* in = input.data.data() + p * plane;
    const Statistics by =
        of_data ? statistics_of(in, 1, plane, plane) : Statistics{of_channel[2], of_channel[3]};
    normalize_run(in, result.data.data() + p * plane, plane, by.mean,
                  of_channel[0] / std::sqrt(by.variance + epsilon), of_channel[1]);
  }
  return result;
}

Tensor espresso_reduce(const EspressoCall& call) {
  const int64_t mode = call.integer("mode");
  const std::vector<bool> axes = reduced_axes(call);
  if (mode == 3)
    return reduce(map_elements(call.input(), [](double x) { return std::log(x); }), axes, sum_of);
  if (mode == 11 || mode == 12) {
    const auto axis = static_cast<size_t>(std::find(axes.begin(), axes.end(), true) - axes.begin());
    call.require(std::count(axes.begin(), axes.end(), true) == 1, "an index along several axes");
    return mode == 11 ? index_of_largest(call.input(), axis) : index_of_smallest(call.input(), axis);
  }
  const Reduction* by = reduction_of(mode);
  if (!by) call.fail(fmt::format("unknown mode {}", mode));
  return reduce(call.input(), axes, *by);
}

Tensor espresso_softmax(const EspressoCall& call) {
  return softmax_along(call.input(), call.axis_of_code(call.integer("C", 2)));
}

Tensor espresso_softmax_nd(const EspressoCall& call) {
  return softmax_along(call.input(), call.axis_of_index(call.integer("nd_axis")));
}

}  // namespace ane::reference
