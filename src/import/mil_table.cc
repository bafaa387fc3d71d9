// Names and versions are those of coremltools' documentation of the operations. Operations that are folded
// when all their operands are known have their rules in mil_fold.cc; that is said here of those alone that
// have no other form.
#include "import/mil_table.h"

#include <algorithm>
#include <array>

namespace ane::import {
namespace {

constexpr auto N = Form::Native, D = Form::Decomposed, F = Form::Folded, R = Form::Refused;

constexpr const char* lists = "the engine has no lists";
constexpr const char* chain = "from others: docs/functions.md";
constexpr const char* no_random = "the engine has no random numbers";
constexpr const char* no_sort = "the engine does not sort";
constexpr const char* state = "the engine keeps no state between runs; make it an input and an output";
constexpr const char* sum = "Reduction; without keep_dims a Reshape follows, if anything changes";
constexpr const char* table = "Neuron: one table";
constexpr const char* known_indices = "views of x, joined, where the indices are constants";
constexpr const char* known_updates =
    "views of data and updates, joined, where the indices are constants; modes update, add, sub and mul, and "
    "but for "
    "the first each place once";

// clang-format off
constexpr MilRow rows[] = {
    {"abs", 15, N, import_unary, "a mode of the elementwise engine"},
    {"acos", 15, D, import_element_function, chain},
    {"add", 15, N, import_binary, "ElementWise; with one number a GOC"},
    {"affine", 15, R, nullptr, "the engine does not read at computed positions between pixels"},
    {"argsort", 15, R, nullptr, no_sort},
    {"asin", 15, D, import_element_function, chain},
    {"atan", 15, D, import_element_function, chain},
    {"atanh", 15, D, import_element_function, chain},
    {"avg_pool", 15, D, import_pool, "Pooling, as sums of slices or a convolution"},
    {"band_part", 15, D, import_band_part, "a product with zeros and ones"},
    {"batch_norm", 15, N, import_batch_norm, "GOC per channel; of rank 3 Mult and Add"},
    {"batch_to_space", 15, D, import_batch_to_space, "transpositions of merged axes, then a slice"},
    {"cast", 15, N, import_cast, "fp16 and bool: Cast or two LogicalNot; integers of floats are refused, the rest is nothing"},
    {"ceil", 15, D, import_unary, "exact: docs/functions.md"},
    {"clamped_relu", 15, D, import_unary, "LeakyReLU and an upper bound"},
    {"classify", 15, N, nullptr, "nothing: the scores are an output, the labels stand in model.json"},
    {"clip", 15, N, import_unary, table},
    {"concat", 15, N, import_concat, "Concat; along merged axes of reshapes that move nothing"},
    {"cond", 15, F, nullptr, "the engine has no branches, and which one is taken is computed at run time"},
    {"const", 15, F, nullptr, "a constant"},
    {"constexpr_affine_dequantize", 16, F, nullptr, "a constant"},
    {"constexpr_blockwise_shift_scale", 18, F, nullptr, "a constant"},
    {"constexpr_cast", 16, F, nullptr, "a constant"},
    {"constexpr_lut_to_dense", 16, F, nullptr, "a constant"},
    {"constexpr_lut_to_sparse", 18, F, nullptr, "a constant"},
    {"constexpr_sparse_blockwise_shift_scale", 18, F, nullptr, "a constant"},
    {"constexpr_sparse_to_dense", 16, F, nullptr, "a constant"},
    {"conv", 15, N, import_conv, "Conv, bias within; constant weights"},
    {"conv_quantized", 15, R, nullptr, "how its weights are quantised is not documented"},
    {"conv_transpose", 15, D, import_conv_transpose, "transposed Conv, as one convolution for each phase"},
    {"cos", 15, D, import_element_function, chain},
    {"cosh", 15, D, import_element_function, chain},
    {"crop", 15, N, import_crop, "InputView"},
    {"crop_resize", 15, D, import_crop_resize, "constant boxes within the image: products with constant matrices along each axis"},
    {"cumsum", 15, D, import_cumsum, "MatMul with a triangle of ones"},
    {"depth_to_space", 15, D, import_depth_to_space, "Reshape to an axis for each factor, transposition, Reshape"},
    {"dequantize", 17, D, import_dequantize, "offset and scale; integers are fp16 numbers"},
    {"einsum", 15, D, import_einsum, "two tensors, each letter once in each: MatMul between transpositions of merged axes"},
    {"elu", 15, D, import_unary, "powers of two, scale and maximum"},
    {"equal", 15, D, import_binary, "difference and table"},
    {"erf", 15, D, import_unary, chain},
    {"exp", 15, N, import_unary, table},
    {"exp2", 15, N, import_unary, table},
    {"expand_dims", 15, N, import_reshape, "nothing"},
    {"fill", 15, F, nullptr, "its shape is computed at run time"},
    {"fill_like", 16, F, nullptr, "its shape is computed at run time"},
    {"flatten2d", 15, N, import_reshape, "Reshape, or nothing"},
    {"floor", 15, D, import_unary, "exact: docs/functions.md"},
    {"floor_div", 15, D, import_rounded_division, chain},
    {"gather", 15, D, import_gather, "known indices: views, joined; computed ones of up to 2048 rows: comparisons, as 0 and 1, times the matrix"},
    {"gather_along_axis", 15, D, import_gather_along_axis, known_indices},
    {"gather_nd", 15, D, import_gather_nd, "known indices: views, joined; computed ones as in gather, unless of a batch each"},
    {"gelu", 15, N, import_unary, "EXACT and TANH_APPROXIMATION have one table in Apple's compiler (reported), SIGMOID_APPROXIMATION another; without --compat x (1/2 + t) with a finer one"},
    {"greater", 15, N, import_binary, "16 channels or a multiple, tensors alike: one pass; else difference and table"},
    {"greater_equal", 15, D, import_binary, "difference and table"},
    {"gru", 15, D, import_gru, "up to 128 steps: W x + b of each gate one MatMul; then a MatMul, Add and function for each step and gate. Not: reset_after, functions with parameters"},
    {"identity", 15, N, import_identity, "nothing"},
    {"instance_norm", 15, N, import_instance_norm, "Normalize, then Mult and Add of gamma and beta"},
    {"inverse", 15, N, import_unary, "table; epsilon an addition before"},
    {"l2_norm", 15, D, import_l2_norm, "Square, Reduction, Rsqrt, Mult"},
    {"l2_pool", 15, D, import_pool, "Square, average pooling, Sqrt"},
    {"layer_norm", 15, N, import_layer_norm, "Normalize, then Mult and Add of gamma and beta"},
    {"leaky_relu", 15, N, import_unary, table},
    {"less", 15, N, import_binary, "as greater"},
    {"less_equal", 15, D, import_binary, "difference and table"},
    {"linear", 15, N, import_linear, "MatMul with a constant matrix, bias within"},
    {"linear_activation", 15, N, import_unary, "GOC"},
    {"list_gather", 15, R, nullptr, lists},
    {"list_length", 15, R, nullptr, lists},
    {"list_read", 15, R, nullptr, lists},
    {"list_scatter", 15, R, nullptr, lists},
    {"list_write", 15, R, nullptr, lists},
    {"local_response_norm", 15, D, import_local_response_norm, "odd sizes: Square, Conv with a band of ones, Power, Mult"},
    {"log", 15, D, import_unary, "table of log2, scale; epsilon an addition before"},
    {"logical_and", 15, N, import_binary, "a product of truths"},
    {"logical_not", 15, N, import_unary, table},
    {"logical_or", 15, N, import_binary, "the larger of truths"},
    {"logical_xor", 15, D, import_binary, "difference and table"},
    {"lstm", 15, D, import_lstm, "as gru. Not: clip (the documentation says of two things that it bounds them)"},
    {"make_list", 15, R, nullptr, lists},
    {"matmul", 15, N, import_matmul, "MatMul: of two tensors, or with one constant matrix on the right in the orientation it has"},
    {"max_pool", 15, D, import_pool, "Pooling, as maxima of slices"},
    {"maximum", 15, N, import_binary, "ElementWise; with one number a table"},
    {"minimum", 15, N, import_binary, "ElementWise; with one number a table"},
    {"mod", 15, D, import_rounded_division, chain},
    {"mul", 15, N, import_binary, "ElementWise; with one number a GOC"},
    {"non_maximum_suppression", 15, R, nullptr, "the engine does not sort, and the number of results is not known"},
    {"non_zero", 15, R, nullptr, "the number of results is not known before the program runs"},
    {"not_equal", 15, D, import_binary, "difference and table"},
    {"one_hot", 15, D, import_one_hot, "indices compared with positions; up to 2048"},
    {"pad", 15, D, import_pad, "zeros around the image: depthwise Conv of ones with padding; other borders Concat of constants or of views"},
    {"pixel_shuffle", 15, D, import_pixel_shuffle, "as depth_to_space"},
    {"pixel_unshuffle", 16, D, import_pixel_unshuffle, "as depth_to_space"},
    {"pow", 15, D, import_binary, "products and roots for exponents in quarters below 16, else powers of two of logarithms"},
    {"prelu", 15, D, import_unary, "positive part, plus the scaled negative one"},
    {"quantize", 17, D, import_quantize, "Div, rounding (docs/functions.md), Add and bounds"},
    {"random_bernoulli", 15, R, nullptr, no_random},
    {"random_categorical", 15, R, nullptr, no_random},
    {"random_normal", 15, R, nullptr, no_random},
    {"random_uniform", 15, R, nullptr, no_random},
    {"range_1d", 15, F, nullptr, "its length is computed at run time"},
    {"read_state", 18, R, nullptr, state},
    {"real_div", 15, D, import_binary, "reciprocal and product; by one number a gain for each channel, as Apple's compiler does it (captured)"},
    {"reduce_argmax", 15, D, import_argument, "where x equals its maximum stands what is left of the axis; the maximum of that is the first position"},
    {"reduce_argmin", 15, D, import_argument, "as reduce_argmax"},
    {"reduce_l1_norm", 15, D, import_reduce, "Abs, Reduction"},
    {"reduce_l2_norm", 15, D, import_reduce_l2_norm, "Square, Reduction, Sqrt"},
    {"reduce_log_sum", 15, D, import_reduce, "Reduction, Log"},
    {"reduce_log_sum_exp", 15, D, import_log_sum_exp, "m + ln(sum of e^(x - m))"},
    {"reduce_max", 15, N, import_reduce, sum},
    {"reduce_mean", 15, N, import_reduce, sum},
    {"reduce_min", 15, D, import_reduce, "the negative of the maximum of -x"},
    {"reduce_prod", 15, D, import_reduce_prod, "halves times halves"},
    {"reduce_sum", 15, N, import_reduce, sum},
    {"reduce_sum_square", 15, D, import_reduce, "Square, Reduction"},
    {"relu", 15, N, import_unary, "free behind a convolution, product or addition"},
    {"relu6", 15, N, import_unary, table},
    {"resample", 15, R, nullptr, "the engine does not read at computed positions between pixels"},
    {"reshape", 15, N, import_reshape, "Reshape, or nothing"},
    {"reshape_like", 16, N, import_reshape, "Reshape, or nothing"},
    {"resize", 17, D, import_resize, "of the last one or two axes; LINEAR as resize_bilinear, NEAREST_NEIGHBOR (sampling_mode DEFAULT) as resize_nearest_neighbor"},
    {"resize_bilinear", 15, D, import_resize_bilinear, "a product with a constant matrix along each axis: 1x1 Conv between transpositions"},
    {"resize_nearest_neighbor", 15, D, import_resize_nearest, "transposed depthwise Conv of ones; for sizes that are no multiples views, joined"},
    {"reverse", 15, D, import_reverse, "views, joined"},
    {"reverse_sequence", 15, D, import_reverse_sequence, "constant lengths: views, joined"},
    {"rnn", 15, D, import_rnn, "as gru"},
    {"round", 15, D, import_unary, "exact: docs/functions.md"},
    {"rsqrt", 15, N, import_unary, table},
    {"scaled_dot_product_attention", 18, D, import_attention, "MatMul, Softmax, MatMul. A mask of truths takes 30000 from what it excludes"},
    {"scaled_tanh", 15, D, import_unary, "table and scale"},
    {"scatter", 15, D, import_scatter, known_updates},
    {"scatter_along_axis", 15, D, import_scatter_along_axis, known_updates},
    {"scatter_nd", 15, D, import_scatter_nd, known_updates},
    {"select", 15, N, import_select, "Select; a known condition takes one side"},
    {"shape", 15, F, nullptr, "its result is computed at run time"},
    {"sigmoid", 15, N, import_unary, "table; without --compat powers of two and a reciprocal"},
    {"sigmoid_hard", 15, N, import_unary, table},
    {"sign", 15, D, import_unary, "two tables and a difference"},
    {"silu", 15, N, import_unary, "table; without --compat x (1 + tanh(x/2)) / 2"},
    {"sin", 15, D, import_element_function, chain},
    {"sinh", 15, D, import_element_function, chain},
    {"slice_by_index", 15, N, import_slice_by_index, "InputView for each axis"},
    {"slice_by_size", 15, N, import_slice_by_size, "InputView for each axis"},
    {"slice_update", 18, D, import_slice_update, "a stretch of one axis: Concat of views"},
    {"sliding_windows", 15, D, import_sliding_windows, "up to 256 windows: views, joined"},
    {"softmax", 15, N, import_softmax, "Softmax"},
    {"softplus", 15, D, import_unary, "powers of two and a logarithm"},
    {"softplus_parametric", 15, D, import_unary, "softplus between scales"},
    {"softsign", 15, D, import_unary, "reciprocal and product"},
    {"space_to_batch", 15, D, import_space_to_batch, "padding, then transpositions of merged axes"},
    {"space_to_depth", 15, D, import_space_to_depth, "as depth_to_space"},
    {"split", 15, N, import_split, "InputView for each piece"},
    {"sqrt", 15, N, import_unary, table},
    {"square", 15, N, import_unary, "a product with itself"},
    {"squeeze", 15, N, import_reshape, "nothing"},
    {"stack", 15, N, import_stack, "Concat"},
    {"sub", 15, N, import_binary, "ElementWise; with one number a GOC"},
    {"tan", 15, D, import_element_function, chain},
    {"tanh", 15, N, import_unary, "table; without --compat a finer one"},
    {"threshold", 15, N, import_unary, table},
    {"thresholded_relu", 15, N, import_unary, table},
    {"tile", 15, N, import_tile, "Broadcast of axes of length 1, Concat of others"},
    {"topk", 15, D, import_topk, "k = 1, as reduce_argmax; the engine does not sort"},
    {"transpose", 15, N, import_transpose, "Transpose; of the batch or of more than three axes as few transpositions of merged axes as it can"},
    {"upsample_bilinear", 15, D, import_upsample_bilinear, "as resize_bilinear"},
    {"upsample_nearest_neighbor", 15, D, import_upsample, "as resize_nearest_neighbor"},
    {"while_loop", 15, R, nullptr, "the engine has no loops, and how often this one runs is computed at run time"},
    {"write_state", 18, R, nullptr, state},
};
// clang-format on

}  // namespace

const MilRow* find_mil_row(const std::string& type) {
  const auto found =
      std::lower_bound(std::begin(rows), std::end(rows), type,
                       [](const MilRow& row, const std::string& wanted) { return row.type < wanted; });
  return found != std::end(rows) && found->type == type ? found : nullptr;
}

std::vector<SupportRow> mil_support() {
  std::vector<SupportRow> support;
  for (const MilRow& row : rows) support.push_back({row.type, row.since, row.form, row.remark});
  return support;
}

}  // namespace ane::import
