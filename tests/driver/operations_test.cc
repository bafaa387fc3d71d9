// The page of operations: the same in the documentation and in the program, complete, and true.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "driver/ml_programs.h"
#include "import/support.h"

namespace ane::test {
namespace {

// Of iOS15 to iOS18, as coremltools' documentation of the operations has them; and the writing of states,
// which its builder makes of coreml_update_state.
const char* const operations_of_mil =
    "abs acos add affine argsort asin atan atanh avg_pool band_part batch_norm batch_to_space cast ceil "
    "clamped_relu classify clip concat cond const constexpr_affine_dequantize "
    "constexpr_blockwise_shift_scale constexpr_cast constexpr_lut_to_dense constexpr_lut_to_sparse "
    "constexpr_sparse_blockwise_shift_scale constexpr_sparse_to_dense conv conv_quantized conv_transpose "
    "cos cosh crop crop_resize cumsum depth_to_space dequantize einsum elu equal erf exp exp2 expand_dims "
    "fill fill_like flatten2d floor floor_div gather gather_along_axis gather_nd gelu greater "
    "greater_equal gru identity instance_norm inverse l2_norm l2_pool layer_norm leaky_relu less "
    "less_equal linear linear_activation list_gather list_length list_read list_scatter list_write "
    "local_response_norm log logical_and logical_not logical_or logical_xor lstm make_list matmul "
    "max_pool maximum minimum mod mul non_maximum_suppression non_zero not_equal one_hot pad "
    "pixel_shuffle pixel_unshuffle pow prelu quantize random_bernoulli random_categorical random_normal "
    "random_uniform range_1d read_state real_div reduce_argmax reduce_argmin reduce_l1_norm "
    "reduce_l2_norm reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean reduce_min reduce_prod "
    "reduce_sum reduce_sum_square relu relu6 resample reshape reshape_like resize resize_bilinear "
    "resize_nearest_neighbor reverse reverse_sequence rnn round rsqrt scaled_dot_product_attention "
    "scaled_tanh scatter scatter_along_axis scatter_nd select shape sigmoid sigmoid_hard sign silu sin "
    "sinh slice_by_index slice_by_size slice_update sliding_windows softmax softplus softplus_parametric "
    "softsign space_to_batch space_to_depth split sqrt square squeeze stack sub tan tanh threshold "
    "thresholded_relu tile topk transpose upsample_bilinear upsample_nearest_neighbor while_loop "
    "write_state ";

TEST(Operations, TheDocumentIsWhatTheProgramPrints) {
  const Ran ran = run("coreml2hwx --operations");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, contents(ANE_SOURCE_DIR "/docs/operations.md"))
      << "write it with: build/coreml2hwx --operations > docs/operations.md";
}

TEST(Operations, AllOfMilAreListed) {
  std::istringstream words(operations_of_mil);
  std::vector<std::string> names{std::istream_iterator<std::string>(words), {}};
  std::vector<std::string> listed;
  for (const import::SupportRow& row : import::mil_support()) {
    listed.push_back(row.name);
    EXPECT_FALSE(row.remark.empty()) << row.name;
    EXPECT_EQ(row.remark.find('|'), std::string::npos) << row.name;
    EXPECT_TRUE(row.since >= 15 && row.since <= 18) << row.name;
  }
  EXPECT_EQ(listed, names);  // both are sorted
}

// Functions of x alone: compiled and verified exactly where the page says that there is a form.
TEST_F(MlPrograms, FunctionsAreAsListed) {
  const std::vector<std::string> functions = {
      "abs",  "acos",  "asin",  "atan",  "atanh",   "ceil",     "cos",      "cosh",
      "erf",  "exp",   "exp2",  "floor", "gelu",    "log",      "identity", "inverse",
      "relu", "relu6", "round", "rsqrt", "sigmoid", "sign",     "silu",     "sin",
      "sinh", "sqrt",  "tan",   "tanh",  "square",  "softplus", "softsign"};
  const std::vector<import::SupportRow> rows = import::mil_support();
  for (const std::string& function : functions) {
    SCOPED_TRACE(function);
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& each) { return each.name == function; });
    ASSERT_NE(row, rows.end());
    // Away from 0, where roots and logarithms have poles.
    const std::string type = "tensor<fp16, [1, 4, 3, 5]>";
    put("f/f.mil", program_text(type + " z",
                                "    " + type +
                                    " a = abs(x = z)[name = string(\"a\")];\n    fp16 k = const()[name = "
                                    "string(\"k\"), val = fp16(0.25)];\n    " +
                                    type + " x = add(x = a, y = k)[name = string(\"x\")];\n    " + type +
                                    " y = " + function + "(x = x)[name = string(\"y\")];\n",
                                "y"));
    const Ran ran = compile("f/f.mil", "--verify");
    const bool has_form = row->form == import::Form::Native || row->form == import::Form::Decomposed;
    EXPECT_EQ(ran.status, has_form ? 0 : 1) << ran.err;
  }
}

}  // namespace
}  // namespace ane::test
