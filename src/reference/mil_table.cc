// All operations that have a definition, with their parameters and defaults.
//
// A row begins with the first iOS version in which the form holds; a later row of the same name replaces it
// from its version on. Parameters that a version added without changing the meaning of the rest stand in the
// earliest row. Names, defaults and versions: coremltools, converters/mil/mil/ops/defs.

#include <algorithm>
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

// The label, which is no number, is its position; the dictionary is its numbers, in the order of the labels.
std::vector<Tensor> classify(const MilCall& call) {
  const Tensor& scores = call.tensor("probabilities");
  const auto best = std::max_element(scores.data.begin(), scores.data.end());
  return {make_tensor({}, static_cast<float>(best - scores.data.begin())), scores};
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

    // Convolution and pooling
    {"conv", 15, one<ops::conv>, "x weight bias? strides=1 pad_type=valid pad=0 dilations=1 groups=1"},
    {"conv_transpose", 15, one<ops::conv_transpose>,
     "x weight bias? pad=0 output_shape? pad_type=valid strides=1 dilations=1 groups=1"},
    {"avg_pool", 15, one<ops::avg_pool>,
     "x kernel_sizes strides=1 pad_type pad=0 ceil_mode=false exclude_padding_from_average=false"},
    {"max_pool", 15, one<ops::max_pool>, "x kernel_sizes strides=1 pad_type pad=0 ceil_mode=false"},
    {"l2_pool", 15, one<ops::l2_pool>, "x kernel_sizes strides=1 pad_type pad=0 ceil_mode=false"},

    // Matrix products
    {"matmul", 15, one<ops::matmul>, "x y transpose_x=false transpose_y=false"},
    {"linear", 15, one<ops::linear>, "x weight bias?"},
    {"einsum", 15, one<ops::einsum>, "values* equation"},
    {"scaled_dot_product_attention", 18, one<ops::scaled_dot_product_attention>,
     "query key value attn_mask?"},

    // Normalisation
    {"softmax", 15, one<ops::softmax>, "x axis=-1"},
    {"layer_norm", 15, one<ops::layer_norm>, "x axes? gamma? beta? epsilon=1e-5"},
    {"batch_norm", 15, one<ops::batch_norm>, "x mean variance gamma? beta? epsilon=1e-5"},
    {"instance_norm", 15, one<ops::instance_norm>, "x gamma? beta? epsilon=1e-5"},
    {"l2_norm", 15, one<ops::l2_norm>, "x epsilon=1e-6"},
    {"local_response_norm", 15, one<ops::local_response_norm>, "x size alpha=1e-4 beta=0.75 k=1"},

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

    // Recurrence
    {"lstm", 15, ops::lstm,
     "x initial_h initial_c weight_ih weight_hh bias? peephole? weight_ih_back? weight_hh_back? bias_back? "
     "peephole_back? direction=forward output_sequence=false recurrent_activation=sigmoid "
     "cell_activation=tanh activation=tanh clip?"},
    {"gru", 15, ops::gru,
     "x initial_h weight_ih weight_hh bias? direction=forward output_sequence=false "
     "recurrent_activation=sigmoid activation=tanh reset_after? input_bias?"},
    {"rnn", 15, ops::rnn,
     "x initial_h weight_ih weight_hh bias? direction=forward output_sequence=false activation=tanh"},

    // Order
    {"cumsum", 15, one<ops::cumsum>, "x axis=0 exclusive=false reverse=false"},
    {"argsort", 15, one<ops::argsort>, "x axis=-1 ascending=false"},
    {"topk", 15, ops::topk,
     "x k=1 axis=-1 ascending=false sort=true return_indices=true output_indices_dtype=int32"},

    // Movement
    {"transpose", 15, one<ops::transpose>, "x perm"},
    {"tile", 15, one<ops::tile>, "x reps"},
    {"reverse", 15, one<ops::reverse>, "x axes?"},
    {"reverse_sequence", 15, one<ops::reverse_sequence>, "x lengths seq_axis=0 batch_axis=0"},
    {"sliding_windows", 15, one<ops::sliding_windows>, "x axis size stride=1"},
    {"band_part", 15, one<ops::band_part>, "x lower=-1 upper=-1"},
    {"concat", 15, one<ops::concat>, "values* axis interleave=false"},
    {"stack", 15, one<ops::stack>, "values* axis"},
    {"split", 15, ops::split, "x num_splits? split_sizes? axis"},
    {"slice_by_index", 15, one<ops::slice_by_index>,
     "x begin end stride=1 begin_mask=false end_mask=false squeeze_mask=false"},
    {"slice_by_size", 15, one<ops::slice_by_size>, "x begin size"},
    {"slice_update", 18, one<ops::slice_update>,
     "x update begin end stride=1 begin_mask=false end_mask=false squeeze_mask=false"},
    {"pad", 15, one<ops::pad>, "x pad mode=constant constant_val=0"},
    {"crop", 15, one<ops::crop>, "x crop_height crop_width"},
    {"depth_to_space", 15, one<ops::depth_to_space>, "x block_size"},
    {"space_to_depth", 15, one<ops::space_to_depth>, "x block_size"},
    {"pixel_shuffle", 15, one<ops::pixel_shuffle>, "x upscale_factor"},
    {"pixel_unshuffle", 16, one<ops::pixel_unshuffle>, "x downscale_factor"},
    {"space_to_batch", 15, one<ops::space_to_batch>, "x block_shape paddings"},
    {"batch_to_space", 15, one<ops::batch_to_space>, "x block_shape crops"},

    // Shapes
    {"reshape", 15, one<ops::reshape>, "x shape"},
    {"reshape_like", 16, one<ops::reshape_like>, "x ref_tensors* begins* ends* end_masks*"},
    {"flatten2d", 15, one<ops::flatten2d>, "x axis=1"},
    {"expand_dims", 15, one<ops::expand_dims>, "x axes"},
    {"squeeze", 15, one<ops::squeeze>, "x axes?"},
    {"shape", 15, one<ops::shape>, "x"},
    {"fill", 15, one<ops::fill>, "shape value=0"},
    {"fill_like", 16, one<ops::fill_like>, "ref_tensor value=0"},
    {"range_1d", 15, one<ops::range_1d>, "end start step"},

    // Indices
    {"gather", 15, one<ops::gather<true>>, "x indices axis=0 batch_dims=0"},
    {"gather", 17, one<ops::gather<false>>, "x indices axis=0 batch_dims=0 validate_indices=false"},
    {"gather_along_axis", 15, one<ops::gather_along_axis<true>>, "x indices axis=0"},
    {"gather_along_axis", 17, one<ops::gather_along_axis<false>>, "x indices axis=0 validate_indices=false"},
    {"gather_nd", 15, one<ops::gather_nd<true>>, "x indices batch_dims=0"},
    {"gather_nd", 17, one<ops::gather_nd<false>>, "x indices batch_dims=0 validate_indices=false"},
    {"scatter", 15, one<ops::scatter<true>>, "data indices updates axis=0 mode=add"},
    {"scatter", 17, one<ops::scatter<false>>, "data indices updates axis=0 mode=add validate_indices=false"},
    {"scatter_along_axis", 15, one<ops::scatter_along_axis<true>>, "data indices updates axis=0 mode=add"},
    {"scatter_along_axis", 17, one<ops::scatter_along_axis<false>>,
     "data indices updates axis=0 mode=add validate_indices=false"},
    {"scatter_nd", 15, one<ops::scatter_nd<true>>, "data indices updates mode=add"},
    {"scatter_nd", 17, one<ops::scatter_nd<false>>, "data indices updates mode=add validate_indices=false"},
    {"one_hot", 15, one<ops::one_hot>, "indices one_hot_vector_size axis=-1 on_value=1 off_value=0"},
    {"non_zero", 15, one<ops::non_zero>, "x"},

    // Images
    {"upsample_nearest_neighbor", 15, one<ops::upsample_nearest_neighbor>,
     "x scale_factor_height=1 scale_factor_width=1"},
    {"upsample_bilinear", 15, one<ops::upsample_bilinear>,
     "x scale_factor_height=1 scale_factor_width=1 align_corners=true half_pixel_centers?"},
    {"resize_nearest_neighbor", 15, one<ops::resize_nearest_neighbor>,
     "x target_size_height target_size_width"},
    {"resize_bilinear", 15, one<ops::resize_bilinear>,
     "x target_size_height=1 target_size_width=1 sampling_mode=DEFAULT"},
    {"resize", 17, one<ops::resize>, "x shape resized_dims interpolation_mode=LINEAR sampling_mode=DEFAULT"},
    {"crop_resize", 15, one<ops::crop_resize_ios15>,
     "x roi target_height=1 target_width=1 normalized_coordinates=false spatial_scale=1 "
     "box_coordinate_mode=CORNERS_HEIGHT_FIRST sampling_mode=DEFAULT"},
    {"crop_resize", 16, one<ops::crop_resize_ios16>,
     "x roi target_height=1 target_width=1 normalized_coordinates=false spatial_scale=1 "
     "box_coordinate_mode=CORNERS_HEIGHT_FIRST sampling_mode=DEFAULT pad_value=0"},
    {"crop_resize", 17, one<ops::crop_resize>,
     "x boxes box_indices? target_height=1 target_width=1 normalized_coordinates=false spatial_scale=1 "
     "box_coordinate_mode=CORNERS_HEIGHT_FIRST sampling_mode=DEFAULT pad_value=0"},
    {"affine", 15, one<ops::affine>,
     "x transform_matrix output_height output_width sampling_mode padding_mode padding_value "
     "coordinates_mode align_corners"},
    {"resample", 15, one<ops::resample>,
     "x coordinates sampling_mode padding_mode padding_value coordinates_mode align_corners"},
    {"non_maximum_suppression", 15, ops::non_maximum_suppression_ios15,
     "boxes scores iou_threshold score_threshold max_boxes per_class_suppression=false"},
    {"non_maximum_suppression", 17, ops::non_maximum_suppression,
     "boxes scores iou_threshold max_boxes per_class_suppression=false"},

    // Labels
    {"classify", 15, classify, "probabilities classes"},

    // Codes
    {"quantize", 17, one<ops::quantize>, "input zero_point? scale axis? output_dtype"},
    {"dequantize", 17, one<ops::dequantize>, "input zero_point? scale axis?"},
    {"constexpr_affine_dequantize", 16, one<ops::constexpr_affine_dequantize>,
     "quantized_data zero_point scale axis"},
    {"constexpr_cast", 16, one<ops::constexpr_cast>, "source_val output_dtype"},
    {"constexpr_lut_to_dense", 16, one<ops::constexpr_lut_to_dense_ios16>, "indices lut shape"},
    {"constexpr_lut_to_dense", 18, one<ops::constexpr_lut_to_dense>, "indices lut vector_axis?"},
    {"constexpr_sparse_to_dense", 16, one<ops::constexpr_sparse_to_dense_ios16>, "nonzero_data mask shape"},
    {"constexpr_sparse_to_dense", 18, one<ops::constexpr_sparse_to_dense>, "nonzero_data mask"},
    {"constexpr_blockwise_shift_scale", 18, one<ops::constexpr_blockwise_shift_scale>, "data scale offset?"},
    {"constexpr_lut_to_sparse", 18, ops::constexpr_lut_to_sparse,
     "indices_mask indices_nonzero_data lut vector_axis?"},
    {"constexpr_sparse_blockwise_shift_scale", 18, ops::constexpr_sparse_blockwise_shift_scale,
     "data_mask nonzero_data scale offset?"},
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
    {"random_bernoulli", "random results"},
    {"random_categorical", "random results"},
    {"random_normal", "random results"},
    {"random_uniform", "random results"},
    {"read_state", "state"},
    {"write_state", "state"},
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
