// Operations of ML Programs that become several units, whole: the program that is made, on the simulator,
// against the reference of MIL, on random inputs.
#include <fmt/format.h>

#include "driver/ml_programs.h"
#include "import/mil_text.h"

namespace ane::test {
namespace {

using import::constant;
using import::fp16;
using import::ints;
using import::line;

class MilForms : public MlPrograms {
 protected:
  using Shape = std::vector<int64_t>;
  static std::string text(const std::string& name, const std::string& value) {
    return constant("string", name, "\"" + value + "\"");
  }
  static std::string number(const std::string& name, double value) {
    return constant("fp32", name, fmt::format("{}", value));
  }
  static std::string integer(const std::string& name, int64_t value) {
    return constant("int32", name, fmt::format("{}", value));
  }
  static std::string truth(const std::string& name, bool value) {
    return constant("bool", name, value ? "true" : "false");
  }

  // y = CALL of x, verified.
  void of_x(const Shape& x, const std::string& constants, const Shape& y, const std::string& call,
            double least_db = 60) {
    SCOPED_TRACE(call);
    expect_verified(program_text(fp16(x) + " x", constants + line(fp16(y), "y", call), "y"), least_db);
  }
};

constexpr double exact = 999;

TEST_F(MilForms, ResizingBetweenPixels) {
  for (const char* mode :
       {"STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS"}) {
    const std::string constants =
        integer("h", 9) + integer("w", 12) + text("m", mode) + integer("one", 1) + integer("two", 2);
    of_x({2, 3, 5, 4}, constants, {2, 3, 9, 12},
         "resize_bilinear(sampling_mode = m, target_size_height = h, target_size_width = w, x = x)", 55);
    of_x({1, 3, 20, 18}, constants, {1, 3, 9, 1},
         "resize_bilinear(sampling_mode = m, target_size_height = h, target_size_width = one, x = x)", 55);
    const std::string sizes = constants + text("l", "LINEAR") + ints("s", {9, 7});
    of_x({3, 5, 4}, sizes, {3, 9, 7},
         "resize(interpolation_mode = l, resized_dims = two, sampling_mode = m, shape = s, x = x)", 55);
    of_x({3, 5, 4}, sizes, {3, 5, 7},
         "resize(interpolation_mode = l, resized_dims = one, sampling_mode = m, shape = s, x = x)", 55);
  }
}

TEST_F(MilForms, EnlargingBetweenPixels) {
  const std::string constants = number("h", 2) + number("w", 2.5) + truth("yes", true) + truth("no", false);
  for (const char* grid :
       {"align_corners = yes", "align_corners = no", "align_corners = no, half_pixel_centers = no"})
    of_x({1, 3, 5, 4}, constants, {1, 3, 10, 10},
         std::string("upsample_bilinear(") + grid +
             ", scale_factor_height = h, scale_factor_width = w, x = x)",
         55);
}

TEST_F(MilForms, Boxes) {
  const std::string constants = integer("h", 4) + integer("w", 3) + text("align", "ALIGN_CORNERS") +
                                text("offset", "OFFSET_CORNERS") + text("first", "CORNERS_WIDTH_FIRST") +
                                text("center", "CENTER_SIZE_HEIGHT_FIRST") + truth("yes", true);
  const std::string boxes =
      constants + import::array("b", {2, 4}, {1, 0, 6, 5, 0, 2, 7.5, 4.25}) + ints("i", {1, 0});
  const std::string sizes = ", target_height = h, target_width = w, x = x)";
  of_x({2, 3, 9, 8}, boxes, {2, 3, 4, 3},
       "crop_resize(box_indices = i, boxes = b, sampling_mode = align" + sizes, 55);
  of_x({2, 3, 9, 8}, boxes, {2, 3, 4, 3},
       "crop_resize(box_coordinate_mode = first, box_indices = i, boxes = b, sampling_mode = offset" + sizes,
       55);
  const std::string parts = constants + import::array("b", {1, 4}, {0.5, 0.5, 0.75, 0.5});
  of_x({1, 3, 9, 8}, parts, {1, 3, 4, 3},
       "crop_resize(box_coordinate_mode = center, boxes = b, normalized_coordinates = yes, sampling_mode = "
       "align" +
           sizes,
       55);
}

TEST_F(MilForms, BoxesOfOlderVersions) {
  const std::string constants = integer("h", 4) + integer("w", 3) + text("align", "ALIGN_CORNERS") +
                                import::array("r", {2, 1, 5, 1, 1}, {1, 1, 0, 6, 5, 0, 0, 2, 7.5, 4.25}) +
                                import::array("all", {1, 1, 4, 1, 1}, {1, 0, 6, 5});
  const auto old = [&](const std::string& roi, const Shape& y) {
    std::string text = program_text(
        fp16({2, 3, 9, 8}) + " x",
        constants + line(fp16(y), "y",
                         "crop_resize(roi = " + roi +
                             ", sampling_mode = align, target_height = h, target_width = w, x = x)"),
        "y");
    text.replace(text.find("ios18"), 5, "ios16");
    expect_verified(text, 55);
  };
  old("r", {2, 1, 3, 4, 3});
  old("all", {1, 2, 3, 4, 3});
}

TEST_F(MilForms, BadBoxes) {
  const auto refused = [&](const std::string& box, const std::string& words) {
    expect_text_refused(
        program_text(fp16({1, 3, 9, 8}) + " x",
                     integer("h", 4) + constant(fp16({1, 4}), "b", box) + text("align", "ALIGN_CORNERS") +
                         line(fp16({1, 3, 4, 4}), "y",
                              "crop_resize(boxes = b, sampling_mode = align, target_height = h, target_width "
                              "= h, x = x)"),
                     "y"),
        words);
  };
  refused("[[0, 0, 9.5, 3]]", "reads outside of a box or an image");
  refused("[[-1, 0, 3, 3]]", "reads outside of a box or an image");
  refused("[[0, 0, inf, 3]]", "reads outside of a box or an image");
}

TEST_F(MilForms, ElementsAtKnownPlaces) {
  of_x({3, 4, 5}, constant("tensor<int32, [3, 2]>", "i", "[[0, 1], [2, 3], [0, 0]]"), {3, 5},
       "gather_nd(indices = i, x = x)", exact);
  of_x({2, 3, 4}, constant("tensor<int32, [2, 2, 1]>", "i", "[[[0], [2]], [[1], [1]]]") + integer("one", 1),
       {2, 2, 4}, "gather_nd(batch_dims = one, indices = i, x = x)", exact);
  of_x({2, 3}, constant("tensor<int32, [2, 2]>", "i", "[[0, 2], [2, 1]]") + integer("a", 1), {2, 2},
       "gather_along_axis(axis = a, indices = i, x = x)", exact);
  std::string older = program_text(fp16({2, 3}) + " x",
                                   constant("tensor<int32, [2, 2]>", "i", "[[0, -1], [-2, 1]]") +
                                       line(fp16({2}), "y", "gather_nd(indices = i, x = x)"),
                                   "y");
  older.replace(older.find("ios18"), 5, "ios16");
  expect_verified(older, exact);
  of_x({2, 4, 3}, ints("l", {3, 2}) + integer("s", 1) + integer("b", 0), {2, 4, 3},
       "reverse_sequence(batch_axis = b, lengths = l, seq_axis = s, x = x)", exact);
}

TEST_F(MilForms, UpdatesAtKnownPlaces) {
  for (const char* mode : {"update", "add", "sub", "mul"}) {
    SCOPED_TRACE(mode);
    const std::string constants = text("m", mode) + integer("a", 1) + ints("i", {3, 0});
    const auto verified = [&](const Shape& updates, const std::string& more, const std::string& call) {
      expect_verified(
          program_text(fp16({2, 4, 3}) + " d, " + fp16(updates) + " u",
                       constants + more + line(fp16({2, 4, 3}), "y", call + ", mode = m, updates = u)"), "y"),
          60);
    };
    verified({2, 2, 3}, "", "scatter(axis = a, data = d, indices = i");
    verified({2, 3}, constant("tensor<int32, [2, 2]>", "j", "[[1, 2], [0, 3]]"),
             "scatter_nd(data = d, indices = j");
    verified({2, 1, 3}, constant("tensor<int32, [2, 1, 3]>", "j", "[[[1, 2, 0]], [[0, 3, 3]]]"),
             "scatter_along_axis(axis = a, data = d, indices = j");
  }
}

TEST_F(MilForms, BadPlaces) {
  const auto refused = [&](const std::string& indices, const std::string& words) {
    expect_text_refused(
        program_text(fp16({4, 3}) + " d, " + fp16({2, 3}) + " u",
                     constant("tensor<int32, [2]>", "i", indices) +
                         line(fp16({4, 3}), "y", "scatter(data = d, indices = i, updates = u)"),
                     "y"),
        words);
  };
  refused("[1, 1]", "changes an element twice");
  refused("[1, 4]", "takes an element that is not there");
}

TEST_F(MilForms, OneHotAndBands) {
  expect_verified(program_text("tensor<int32, [2, 3]> i",
                               integer("n", 4) + integer("a", 1) + constant("fp16", "on", "2.5") +
                                   constant("fp16", "off", "-1") +
                                   line(fp16({2, 4, 3}), "y",
                                        "one_hot(axis = a, indices = i, off_value = off, on_value = on, "
                                        "one_hot_vector_size = n)"),
                               "y"),
                  exact);
  of_x({2, 5, 7}, integer("l", 1) + integer("u", 2), {2, 5, 7}, "band_part(lower = l, upper = u, x = x)",
       exact);
  of_x({5, 7}, integer("l", 0), {5, 7}, "band_part(lower = l, x = x)", exact);
}

TEST_F(MilForms, BlocksOfPixelsAgainstImages) {
  of_x({2, 3, 4, 6}, ints("b", {2, 3}) + constant("tensor<int32, [2, 2]>", "p", "[[1, 1], [0, 3]]"),
       {12, 3, 3, 3}, "space_to_batch(block_shape = b, paddings = p, x = x)", exact);
  of_x({12, 3, 3, 3}, ints("b", {2, 3}) + constant("tensor<int32, [2, 2]>", "p", "[[1, 1], [0, 3]]"),
       {2, 3, 4, 6}, "batch_to_space(block_shape = b, crops = p, x = x)", exact);
}

// What changes the batch axis.
TEST_F(MilForms, Batches) {
  of_x({2, 3, 4, 5}, ints("p", {1, 0, 2, 3}), {3, 2, 4, 5}, "transpose(perm = p, x = x)", exact);
  of_x({2, 3, 4, 5}, ints("p", {3, 1, 0, 2}), {5, 3, 2, 4}, "transpose(perm = p, x = x)", exact);
  of_x({2, 3, 4, 5}, integer("a", 0), {4, 3, 4, 5}, "concat(axis = a, values = (x, x))", exact);
  of_x({3, 4, 5}, integer("a", 0), {2, 3, 4, 5}, "stack(axis = a, values = (x, x))", exact);
  of_x({2, 3, 4, 5}, integer("a", 0), {2, 2, 3, 4, 5}, "stack(axis = a, values = (x, x))", exact);
  of_x({2, 3, 4, 5}, integer("a", 2), {2, 3, 2, 4, 5}, "stack(axis = a, values = (x, x))", exact);
  of_x({4, 3, 2, 5}, ints("b", {1, 0, 0, 0}) + ints("e", {3, 3, 2, 5}), {2, 3, 2, 5},
       "slice_by_index(begin = b, end = e, x = x)", exact);
  of_x({2, 3, 4, 5}, ints("r", {3, 1, 1, 1}), {6, 3, 4, 5}, "tile(reps = r, x = x)", exact);
  expect_verified(program_text(fp16({3, 4, 2, 5}) + " x",
                               integer("a", 0) + ints("s", {1, 2}) +
                                   fmt::format("    {} p, {} q = split(axis = a, split_sizes = s, x = "
                                               "x)[name = string(\"pieces\")];\n",
                                               fp16({1, 4, 2, 5}), fp16({2, 4, 2, 5})),
                               "p, q"),
                  exact);
  of_x({3, 4, 2, 5}, ints("a", {0}), {3, 4, 2, 5}, "reverse(axes = a, x = x)", exact);
}

// Axes that the engine keeps merged with others: each of five, and several at once.
TEST_F(MilForms, StatisticsAlongMergedAxes) {
  for (const int64_t axis : {0, 1, 2, 3, 4}) {
    Shape one = {2, 3, 4, 5, 6};
    one[static_cast<size_t>(axis)] = 1;
    const std::string constants = ints("k", {axis}) + integer("a", axis) + truth("yes", true);
    for (const char* sum : {"reduce_sum", "reduce_mean", "reduce_max", "reduce_l2_norm"})
      of_x({2, 3, 4, 5, 6}, constants, one, std::string(sum) + "(axes = k, keep_dims = yes, x = x)", 55);
    of_x({2, 3, 4, 5, 6}, constants, {2, 3, 4, 5, 6}, "softmax(axis = a, x = x)", 55);
    of_x({2, 3, 4, 5, 6}, constants, {2, 3, 4, 5, 6}, "layer_norm(axes = k, x = x)", 40);
    of_x({2, 3, 4, 5, 6}, constants, {2, 3, 4, 5, 6}, "cumsum(axis = a, x = x)", 55);
  }
  const std::string constants = truth("no", false);
  of_x({2, 3, 4, 5, 6}, constants + ints("k", {1, 3}), {2, 4, 6},
       "reduce_sum(axes = k, keep_dims = no, x = x)", 55);
  of_x({2, 3, 4, 5, 6}, constants + ints("k", {0, 1, 4}), {4, 5},
       "reduce_mean(axes = k, keep_dims = no, x = x)", 50);
  of_x({2, 3, 4, 5, 6}, ints("k", {1, 2}), {2, 3, 4, 5, 6}, "layer_norm(axes = k, x = x)", 40);
}

// An operand that is repeated along some of the merged axes and not along others.
TEST_F(MilForms, RepetitionAlongMergedAxes) {
  for (const Shape& shape : {Shape{2, 1, 4, 5, 6}, Shape{1, 3, 4, 5, 6}, Shape{2, 3, 1, 5, 6},
                             Shape{2, 1, 1, 5, 6}, Shape{1, 3, 1, 1, 6}, Shape{3, 1, 5, 1}}) {
    SCOPED_TRACE(fp16(shape));
    expect_verified(program_text(fp16({2, 3, 4, 5, 6}) + " x, " + fp16(shape) + " r",
                                 line(fp16({2, 3, 4, 5, 6}), "y", "add(x = x, y = r)"), "y"),
                    60);
  }
}

// Queries that are learned: the left operand is known, the right one is not. Few rows are read as they are.
TEST_F(MilForms, ProductsWithAKnownLeftOperand) {
  for (const int64_t rows : {1, 3, 16, 20, 32}) {
    std::vector<double> numbers;
    for (int64_t i = 0; i < rows * 8; ++i) numbers.push_back(static_cast<double>(i * 37 % 19 - 9) / 8);
    const std::string known =
        import::array("k", {rows, 8}, numbers) + truth("yes", true) + truth("no", false);
    of_x({8, 12}, known, {rows, 12}, "matmul(transpose_x = no, transpose_y = no, x = k, y = x)");
    of_x({2, 8, 12}, known, {2, rows, 12}, "matmul(transpose_x = no, transpose_y = no, x = k, y = x)");
    of_x({12, 8}, known, {rows, 12}, "matmul(transpose_x = no, transpose_y = yes, x = k, y = x)");
  }
}

// Each image has its own left operand (the kernels of the product), stored transposed.
TEST_F(MilForms, TransposedLeftOperandsOfABatch) {
  expect_verified(
      program_text(fp16({2, 7, 32}) + " x, " + fp16({2, 16, 7}) + " z",
                   truth("yes", true) + line(fp16({2, 32, 16}), "y",
                                             "matmul(transpose_x = yes, transpose_y = yes, x = x, y = z)"),
                   "y"),
      60);
}

// Lists of more rows than the engine counts: decoded boxes of a detector.
TEST_F(MilForms, ListsOfManyRows) {
  const std::string lists =
      program_text(fp16({60, 200, 4}) + " a, " + fp16({40, 200, 4}) + " b",
                   ints("m", {1, 12000, 4}) + ints("n", {1, 8000, 4}) + integer("one", 1) +
                       integer("two", 2) + ints("begin", {0, 0, 2}) + ints("end", {1, 20000, 4}) +
                       line(fp16({1, 12000, 4}), "c", "reshape(shape = m, x = a)") +
                       line(fp16({1, 8000, 4}), "d", "reshape(shape = n, x = b)") +
                       line(fp16({1, 20000, 4}), "e", "concat(axis = one, values = (c, d))") +
                       line(fp16({1, 20000, 2}), "f", "slice_by_index(begin = begin, end = end, x = e)") +
                       line(fp16({1, 20000, 6}), "y", "concat(axis = two, values = (e, f))"),
                   "y");
  expect_verified(lists, exact);
}

// Keys and values that several heads share: copies along an axis that the engine keeps merged with others.
TEST_F(MilForms, CopiesAlongMergedAxes) {
  of_x({1, 2, 1, 5, 4}, ints("r", {1, 1, 3, 1, 1}), {1, 2, 3, 5, 4}, "tile(reps = r, x = x)", exact);
  of_x({2, 3, 2, 5, 4}, ints("r", {2, 1, 3, 1, 2}), {4, 3, 6, 5, 8}, "tile(reps = r, x = x)", exact);
  of_x({1, 1, 2, 5, 1}, ints("r", {1, 2, 1, 1, 3}), {1, 2, 2, 5, 3}, "tile(reps = r, x = x)", exact);
}

// Places that are computed: of a later axis, of several axes, of the token with the largest number. Random
// integers are 0 and 1.
TEST_F(MilForms, RowsAtComputedPlaces) {
  const auto gathered = [&](const Shape& x, const Shape& i, const Shape& y, const std::string& call) {
    const std::string indices = fmt::format("tensor<int32, [{}]> i", fmt::join(i, ", "));
    expect_verified(
        program_text(fp16(x) + " x, " + indices,
                     integer("zero", 0) + integer("one", 1) + integer("two", 2) + line(fp16(y), "y", call),
                     "y"),
        exact);
  };
  gathered({7, 3, 5}, {4}, {4, 3, 5}, "gather(axis = zero, batch_dims = zero, indices = i, x = x)");
  gathered({1, 7, 5}, {2, 3}, {1, 2, 3, 5}, "gather(axis = one, batch_dims = zero, indices = i, x = x)");
  gathered({4, 7, 5}, {6}, {4, 6, 5}, "gather(axis = one, batch_dims = zero, indices = i, x = x)");
  gathered({2, 3, 7}, {6}, {2, 3, 6}, "gather(axis = two, batch_dims = zero, indices = i, x = x)");
  gathered({1, 7, 5}, {3, 2}, {3, 5}, "gather_nd(batch_dims = zero, indices = i, x = x)");
  gathered({3, 7, 5}, {4, 2}, {4, 5}, "gather_nd(batch_dims = zero, indices = i, x = x)");
  gathered({3, 4, 5}, {2, 2, 3}, {2, 2}, "gather_nd(batch_dims = zero, indices = i, x = x)");
}

// Sums of squares that fp16 does not hold: of many numbers, or of large ones between neighbouring channels.
TEST_F(MilForms, NormsBeyondHalves) {
  const Shape image = {1, 8, 96, 128};
  const auto scaled = [&](double factor, const Shape& y, const std::string& constants,
                          const std::string& call) {
    expect_verified(program_text(fp16(image) + " u",
                                 constant("fp16", "f", fmt::format("{}", factor)) + constants +
                                     line(fp16(image), "x", "mul(x = u, y = f)") + line(fp16(y), "y", call),
                                 "y"),
                    50);
  };
  const std::string axes = ints("k", {2, 3}) + truth("yes", true) + constant("fp16", "e", "1e-6");
  scaled(4, {1, 8, 1, 1}, axes, "reduce_l2_norm(axes = k, keep_dims = yes, x = x)");
  scaled(4, image, axes, "l2_norm(epsilon = e, x = x)");
  scaled(1000, image,
         integer("s", 5) + constant("fp16", "a", "1e-4") + constant("fp16", "b", "0.75") +
             constant("fp16", "one", "1"),
         "local_response_norm(alpha = a, beta = b, k = one, size = s, x = x)");
}

// Windows of an image are a batch, and each head has a number of its own.
TEST_F(MilForms, NumbersByChannelOfABatch) {
  const std::string numbers = import::array("k", {3, 1, 1}, {0.5, 3, 10});
  of_x({4, 3, 8, 8}, numbers, {4, 3, 8, 8}, "mul(x = x, y = k)");
  of_x({4, 3, 8, 8}, numbers, {4, 3, 8, 8}, "add(x = x, y = k)");
}

TEST_F(MilForms, BytesAreScaledNumbers) {
  expect_verified(program_text("tensor<int8, [1, 3, 2, 5]> q",
                               constant(fp16({3}), "s", "[0.5, 0.25, 2]") +
                                   constant("tensor<int8, [3]>", "z", "[1, -2, 0]") + integer("a", 1) +
                                   line(fp16({1, 3, 2, 5}), "y",
                                        "dequantize(axis = a, input = q, scale = s, zero_point = z)"),
                               "y"),
                  exact);
}

}  // namespace
}  // namespace ane::test
