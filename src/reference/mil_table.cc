// All operations that have a definition, with their parameters and defaults.
//
// A row begins with the first iOS version in which the form holds; a later row of the same name replaces it
// from its version on. Parameters that a version added without changing the meaning of the rest stand in the
// earliest row. Names, defaults and versions: coremltools, converters/mil/mil/ops/defs.

#include <cmath>
#include <functional>
#include <map>

#include "base/error.h"
#include "reference/mil_operations.h"
#include "reference/reduction_kernel.h"
#include "reference/scalar_functions.h"

namespace ane::reference {
namespace {

template <Tensor (*function)(const MilCall&)>
std::vector<Tensor> one(const MilCall& call) {
  std::vector<Tensor> outputs;
  outputs.push_back(function(call));
  return outputs;
}

template <double (*function)(double)>
Tensor unary(const MilCall& call) {
  return map_elements(call.tensor("x"), [](double x) { return function(x); });
}

template <typename Function>
Tensor binary(const MilCall& call) {
  const Tensor &x = call.tensor("x"), &y = call.tensor("y");
  return combine_elements(x, y, call.common_shape(x.shape, y.shape),
                          [](double a, double b) { return Function{}(a, b); });
}

template <const Reduction& by>
Tensor reduced(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<bool> axes = call.axis_set("axes", x.shape.size());
  Tensor result = reduce(x, axes, by);
  if (!call.flag("keep_dims")) result.shape = without_axes(result.shape, axes);
  return result;
}

// As the documentation says them: x > y ? x : y.
struct Larger {
  double operator()(double x, double y) const { return x > y ? x : y; }
};
struct Smaller {
  double operator()(double x, double y) const { return x > y ? y : x; }
};
struct Power {
  double operator()(double x, double y) const { return std::pow(x, y); }
};
struct FlooredQuotient {
  double operator()(double x, double y) const { return std::floor(x / y); }
};
struct FlooredRemainder {
  double operator()(double x, double y) const { return floored_remainder(x, y); }
};
struct EitherTruth {
  bool operator()(double x, double y) const { return (x != 0) != (y != 0); }
};

double square(double x) {
  return x * x;
}

double silu(double x) {
  return x * sigmoid(x);
}

double logical_not(double x) {
  return x == 0 ? 1 : 0;
}

struct Row {
  const char* type;
  int since;
  MilEvaluator evaluate;
  const char* parameters;
};

const Row rows[] = {
    // Two operands
    {"add", 15, one<binary<std::plus<double>>>, "x y"},
    {"sub", 15, one<binary<std::minus<double>>>, "x y"},
    {"mul", 15, one<binary<std::multiplies<double>>>, "x y"},
    {"real_div", 15, one<binary<std::divides<double>>>, "x y"},
    {"floor_div", 15, one<binary<FlooredQuotient>>, "x y"},
    {"mod", 15, one<binary<FlooredRemainder>>, "x y"},
    {"pow", 15, one<binary<Power>>, "x y"},
    {"maximum", 15, one<binary<Larger>>, "x y"},
    {"minimum", 15, one<binary<Smaller>>, "x y"},
    {"equal", 15, one<binary<std::equal_to<double>>>, "x y"},
    {"not_equal", 15, one<binary<std::not_equal_to<double>>>, "x y"},
    {"less", 15, one<binary<std::less<double>>>, "x y"},
    {"less_equal", 15, one<binary<std::less_equal<double>>>, "x y"},
    {"greater", 15, one<binary<std::greater<double>>>, "x y"},
    {"greater_equal", 15, one<binary<std::greater_equal<double>>>, "x y"},
    {"logical_and", 15, one<binary<std::logical_and<double>>>, "x y"},
    {"logical_or", 15, one<binary<std::logical_or<double>>>, "x y"},
    {"logical_xor", 15, one<binary<EitherTruth>>, "x y"},

    // One operand
    {"abs", 15, one<unary<std::abs>>, "x"},
    {"acos", 15, one<unary<std::acos>>, "x"},
    {"asin", 15, one<unary<std::asin>>, "x"},
    {"atan", 15, one<unary<std::atan>>, "x"},
    {"atanh", 15, one<unary<std::atanh>>, "x"},
    {"ceil", 15, one<unary<std::ceil>>, "x"},
    {"cos", 15, one<unary<std::cos>>, "x"},
    {"cosh", 15, one<unary<std::cosh>>, "x"},
    {"erf", 15, one<unary<std::erf>>, "x"},
    {"exp", 15, one<unary<std::exp>>, "x"},
    {"exp2", 15, one<unary<std::exp2>>, "x"},
    {"floor", 15, one<unary<std::floor>>, "x"},
    {"logical_not", 15, one<unary<logical_not>>, "x"},
    // Ties go to the even number: "0.5 is rounded to 0".
    {"round", 15, one<unary<std::nearbyint>>, "x"},
    {"sign", 15, one<unary<sign>>, "x"},
    {"sin", 15, one<unary<std::sin>>, "x"},
    {"sinh", 15, one<unary<std::sinh>>, "x"},
    {"sqrt", 15, one<unary<std::sqrt>>, "x"},
    {"square", 15, one<unary<square>>, "x"},
    {"tan", 15, one<unary<std::tan>>, "x"},
    {"inverse", 15, one<ops::inverse>, "x epsilon=1e-4"},
    {"log", 15, one<ops::log>, "x epsilon=1e-45"},
    {"rsqrt", 15, one<ops::rsqrt>, "x epsilon=1e-12"},
    {"threshold", 15, one<ops::threshold>, "x alpha"},
    {"clip", 15, one<ops::clip>, "x alpha beta"},
    {"cast", 15, one<ops::cast>, "x dtype"},
    {"select", 15, one<ops::select>, "cond a b"},
    {"identity", 15, one<ops::identity>, "x"},

    // Activations
    {"relu", 15, one<ops::relu>, "x"},
    {"relu6", 15, one<ops::relu6>, "x"},
    {"leaky_relu", 15, one<ops::leaky_relu>, "x alpha"},
    {"clamped_relu", 15, one<ops::clamped_relu>, "x alpha beta"},
    {"thresholded_relu", 15, one<ops::thresholded_relu>, "x alpha"},
    {"prelu", 15, one<ops::prelu>, "x alpha"},
    {"elu", 15, one<ops::elu>, "x alpha"},
    {"gelu", 15, one<ops::gelu>, "x mode=EXACT"},
    {"silu", 15, one<unary<silu>>, "x"},
    {"sigmoid", 15, one<unary<sigmoid>>, "x"},
    {"sigmoid_hard", 15, one<ops::sigmoid_hard>, "x alpha beta"},
    {"tanh", 15, one<unary<std::tanh>>, "x"},
    {"scaled_tanh", 15, one<ops::scaled_tanh>, "x alpha beta"},
    {"softplus", 15, one<unary<softplus>>, "x"},
    {"softplus_parametric", 15, one<ops::softplus_parametric>, "x alpha beta"},
    {"softsign", 15, one<unary<softsign>>, "x"},
    {"linear_activation", 15, one<ops::linear_activation>, "x alpha beta"},

    // Convolution
    {"conv", 15, one<ops::conv>, "x weight bias? strides=1 pad_type=valid pad=0 dilations=1 groups=1"},

    // Matrix products
    {"matmul", 15, one<ops::matmul>, "x y transpose_x=false transpose_y=false"},
    {"linear", 15, one<ops::linear>, "x weight bias?"},

    // Normalisation
    {"softmax", 15, one<ops::softmax>, "x axis=-1"},
    {"layer_norm", 15, one<ops::layer_norm>, "x axes? gamma? beta? epsilon=1e-5"},

    // Reductions
    {"reduce_l1_norm", 15, one<reduced<l1_norm>>, "x axes? keep_dims=false"},
    {"reduce_l2_norm", 15, one<reduced<l2_norm>>, "x axes? keep_dims=false"},
    {"reduce_log_sum", 15, one<reduced<logarithm_of_sum>>, "x axes? keep_dims=false"},
    {"reduce_log_sum_exp", 15, one<ops::reduce_log_sum_exp>, "x axes? keep_dims=false"},
    {"reduce_max", 15, one<reduced<maximum_of>>, "x axes? keep_dims=false"},
    {"reduce_mean", 15, one<reduced<mean_of>>, "x axes? keep_dims=false"},
    {"reduce_min", 15, one<reduced<minimum_of>>, "x axes? keep_dims=false"},
    {"reduce_prod", 15, one<reduced<product_of>>, "x axes? keep_dims=false"},
    {"reduce_sum", 15, one<reduced<sum_of>>, "x axes? keep_dims=false"},
    {"reduce_sum_square", 15, one<reduced<sum_of_squares>>, "x axes? keep_dims=false"},
    {"reduce_argmax", 15, one<ops::reduce_argmax>, "x axis=-1 keep_dims=false output_dtype=int32"},
    {"reduce_argmin", 15, one<ops::reduce_argmin>, "x axis=-1 keep_dims=false output_dtype=int32"},

    // Movement
    {"transpose", 15, one<ops::transpose>, "x perm"},
    {"tile", 15, one<ops::tile>, "x reps"},
    {"concat", 15, one<ops::concat>, "values* axis interleave=false"},
    {"slice_by_index", 15, one<ops::slice_by_index>,
     "x begin end stride=1 begin_mask=false end_mask=false squeeze_mask=false"},
    {"slice_by_size", 15, one<ops::slice_by_size>, "x begin size"},
    {"reshape", 15, one<ops::reshape>, "x shape"},
};

// Why the rest of MIL is not here.
const std::map<std::string_view, std::string_view> absences = {
    {"cond", "control flow"},
    {"while_loop", "control flow"},
    {"make_list", "lists"},
    {"list_length", "lists"},
    {"list_write", "lists"},
    {"list_read", "lists"},
    {"list_gather", "lists"},
    {"list_scatter", "lists"},
    {"gru", "recurrence"},
    {"lstm", "recurrence"},
    {"rnn", "recurrence"},
    {"random_bernoulli", "random results"},
    {"random_categorical", "random results"},
    {"random_normal", "random results"},
    {"random_uniform", "random results"},
    {"read_state", "state"},
    {"write_state", "state"},
    {"classify", "labels"},
    {"conv_quantized", "a quantisation that is not documented"},
};

using Versions = std::map<int, MilDefinition>;

const std::map<std::string_view, Versions>& definitions() {
  static const std::map<std::string_view, Versions> table = [] {
    std::map<std::string_view, Versions> result;
    for (const Row& row : rows) {
      const bool added =
          result[row.type]
              .emplace(row.since, MilDefinition{row.evaluate, parse_parameters(row.parameters)})
              .second;
      ensure(added, "the table has two definitions of one operation in one version");
    }
    return result;
  }();
  return table;
}

}  // namespace

const MilDefinition* find_definition(std::string_view type, int opset) {
  const auto found = definitions().find(type);
  if (found == definitions().end()) return nullptr;
  const auto newer = found->second.upper_bound(opset);
  return newer == found->second.begin() ? nullptr : &std::prev(newer)->second;
}

std::string_view reason_of_absence(std::string_view type) {
  const auto found = absences.find(type);
  return found == absences.end() ? std::string_view{} : found->second;
}

}  // namespace ane::reference
