// MIL's operations that give elements another shape, make them from a shape, join, split, pad and cut them.
// The inputs count their elements, so that each result shows where every element came from.

#include "mil_run.h"

namespace ane::reference {
namespace {

Fed counted(const Shape& shape) {
  return {shape, counting(element_count(shape))};
}

// The examples of the operator's documentation.
TEST(MilFlatten2d, BeforeAndFromTheAxis) {
  const auto flat = [](const Shape& shape, int64_t axis, const Shape& expected) {
    return result("flatten2d", {{"x", counted(shape)}, {"axis", mil_integer(axis)}}, expected);
  };
  EXPECT_EQ(flat({3}, -1, {1, 3}), counting(3));
  EXPECT_EQ(flat({3}, 1, {3, 1}), counting(3));
  EXPECT_EQ(flat({4, 3}, -1, {4, 3}), counting(12));
  EXPECT_EQ(flat({2, 3, 2}, -1, {6, 2}), counting(12));
  EXPECT_EQ(flat({5, 5, 2}, 1, {5, 10}), counting(50));
  EXPECT_EQ(result("flatten2d", {{"x", counted({2, 3, 2})}}, {2, 6}), counting(12));
}

TEST(MilExpandDims, AxesOfTheResult) {
  const auto expanded = [](std::vector<int64_t> axes, const Shape& expected) {
    return result("expand_dims", {{"x", counted({2, 3})}, {"axes", mil_integers(axes)}}, expected);
  };
  EXPECT_EQ(expanded({0}, {1, 2, 3}), counting(6));
  EXPECT_EQ(expanded({1}, {2, 1, 3}), counting(6));
  EXPECT_EQ(expanded({-1}, {2, 3, 1}), counting(6));
  EXPECT_EQ(expanded({0, 1}, {1, 1, 2, 3}), counting(6));
  EXPECT_EQ(expanded({-2, 0}, {1, 2, 1, 3}), counting(6));
  EXPECT_EQ(result("expand_dims", {{"x", Fed{{}, {7}}}, {"axes", mil_integers({0})}}, {1}), (Values{7}));
}

TEST(MilSqueeze, DropsAxesOfOneElement) {
  const Fed x = counted({1, 2, 1, 3});
  EXPECT_EQ(result("squeeze", {{"x", x}}, {2, 3}), counting(6));
  EXPECT_EQ(result("squeeze", {{"x", x}, {"axes", mil_integers({-2})}}, {1, 2, 3}), counting(6));
  // Longer axes stay.
  EXPECT_EQ(result("squeeze", {{"x", x}, {"axes", mil_integers({0, 1})}}, {2, 1, 3}), counting(6));
  EXPECT_EQ(result("squeeze", {{"x", Fed{{1}, {7}}}}, {}), (Values{7}));
}

TEST(MilShape, SizesAsNumbers) {
  EXPECT_EQ(result("shape", {{"x", counted({4, 1, 3})}}, {3}, DataType::Int32), (Values{4, 1, 3}));
}

// The example of the operator's documentation.
TEST(MilReshapeLike, PartsOfShapes) {
  test::MilBuilder mil;
  mil.input("x", {180});
  mil.input("a", {2, 3, 4});
  mil.input("b", {1, 5, 6});
  const auto scalars = [](const std::string& name, std::vector<mil::Value> values) {
    std::vector<mil::Binding> bindings;
    for (mil::Value& value : values) bindings.push_back(test::binding(std::move(value)));
    return test::tuple_arg(name, std::move(bindings));
  };
  mil.op(
      "reshape_like",
      {test::arg("x", "x"), test::tuple_arg("ref_tensors", {test::binding("a"), test::binding("b")}),
       scalars("begins", {mil_integer(0), mil_integer(1)}), scalars("ends", {mil_integer(2), mil_integer(0)}),
       scalars("end_masks", {mil_truth(false), mil_truth(true)})},
      "y", {2, 3, 5, 6});
  mil.output("y");
  const auto y = evaluate_mil(mil.function(), {{"x", {{180}, counting(180)}},
                                               {"a", make_tensor({2, 3, 4})},
                                               {"b", make_tensor({1, 5, 6})}})
                     .at("y");
  EXPECT_EQ(y.data, counting(180));
}

TEST(MilFill, FromAShape) {
  EXPECT_EQ(result("fill", {{"shape", mil_integers({2, 2})}, {"value", mil_number(3)}}, {2, 2}),
            (Values{3, 3, 3, 3}));
  EXPECT_EQ(result("fill", {{"shape", mil_integers({2})}}, {2}), (Values{0, 0}));
  EXPECT_EQ(result("fill_like", {{"ref_tensor", counted({1, 2})}, {"value", mil_number(3)}}, {1, 2}),
            (Values{3, 3}));
}

TEST(MilRange, BeforeItsEnd) {
  const auto range = [](double start, double end, double step, const Shape& shape) {
    return result("range_1d",
                  {{"start", mil_number(start)}, {"end", mil_number(end)}, {"step", mil_number(step)}},
                  shape);
  };
  EXPECT_EQ(range(0, 3, 1, {3}), (Values{0, 1, 2}));
  EXPECT_EQ(range(1, 6, 2, {3}), (Values{1, 3, 5}));
  EXPECT_EQ(range(5, 0, -2, {3}), (Values{5, 3, 1}));
  EXPECT_EQ(range(0, 1, 0.25, {4}), (Values{0, 0.25f, 0.5f, 0.75f}));
  EXPECT_EQ(range(3, 3, 1, {0}), Values{});
  EXPECT_EQ(range(3, 0, 1, {0}), Values{});
}

TEST(MilStack, AlongANewAxis) {
  const std::vector<Fed> values = {counted({2}), {{2}, {10, 11}}};
  EXPECT_EQ(result("stack", {{"values", values}, {"axis", mil_integer(0)}}, {2, 2}), (Values{0, 1, 10, 11}));
  EXPECT_EQ(result("stack", {{"values", values}, {"axis", mil_integer(-1)}}, {2, 2}), (Values{0, 10, 1, 11}));
  const std::vector<Fed> scalars = {{{}, {3}}, {{}, {5}}};
  EXPECT_EQ(result("stack", {{"values", scalars}, {"axis", mil_integer(0)}}, {2}), (Values{3, 5}));
}

TEST(MilSplit, IntoEqualOrGivenParts) {
  const Fed x = counted({2, 4});
  const Bound axis{"axis", mil_integer(-1)};
  const auto halves =
      results("split", {{"x", x}, axis, {"num_splits", mil_integer(2)}}, {{{2, 2}}, {{2, 2}}});
  EXPECT_EQ(halves[0].data, (Values{0, 1, 4, 5}));
  EXPECT_EQ(halves[1].data, (Values{2, 3, 6, 7}));
  const auto parts = results(
      "split", {{"x", x}, axis, {"num_splits", mil_integer(2)}, {"split_sizes", mil_integers({1, 3})}},
      {{{2, 1}}, {{2, 3}}});
  EXPECT_EQ(parts[0].data, (Values{0, 4}));
  EXPECT_EQ(parts[1].data, (Values{1, 2, 3, 5, 6, 7}));
}

TEST(MilReverse, AllOrSomeAxes) {
  const Fed x = counted({2, 3});
  EXPECT_EQ(result("reverse", {{"x", x}}, {2, 3}), (Values{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(result("reverse", {{"x", x}, {"axes", mil_integers({-1})}}, {2, 3}), (Values{2, 1, 0, 5, 4, 3}));
}

TEST(MilReverseSequence, AsManyElementsAsTold) {
  EXPECT_EQ(result("reverse_sequence",
                   {{"x", counted({2, 4})},
                    {"lengths", mil_integers({3, 0})},
                    {"seq_axis", mil_integer(1)},
                    {"batch_axis", mil_integer(0)}},
                   {2, 4}),
            (Values{2, 1, 0, 3, 4, 5, 6, 7}));
  EXPECT_EQ(result("reverse_sequence",
                   {{"x", counted({3, 2})},
                    {"lengths", mil_integers({2, 3})},
                    {"seq_axis", mil_integer(0)},
                    {"batch_axis", mil_integer(-1)}},
                   {3, 2}),
            (Values{2, 5, 0, 3, 4, 1}));
}

TEST(MilSlidingWindows, BehindTheirAxis) {
  EXPECT_EQ(result("sliding_windows",
                   {{"x", counted({5})}, {"axis", mil_integer(0)}, {"size", mil_integer(3)}}, {3, 3}),
            (Values{0, 1, 2, 1, 2, 3, 2, 3, 4}));
  EXPECT_EQ(result("sliding_windows",
                   {{"x", counted({5, 2})},
                    {"axis", mil_integer(-2)},
                    {"size", mil_integer(2)},
                    {"stride", mil_integer(2)}},
                   {2, 2, 2}),
            (Values{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(MilBandPart, DiagonalsAroundTheMainOne) {
  const Fed x{{3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  const auto band = [&](int64_t lower, int64_t upper) {
    return result("band_part", {{"x", x}, {"lower", mil_integer(lower)}, {"upper", mil_integer(upper)}},
                  {3, 3});
  };
  EXPECT_EQ(band(0, -1), (Values{1, 2, 3, 0, 5, 6, 0, 0, 9}));
  EXPECT_EQ(band(-1, 0), (Values{1, 0, 0, 4, 5, 0, 7, 8, 9}));
  EXPECT_EQ(band(0, 0), (Values{1, 0, 0, 0, 5, 0, 0, 0, 9}));
  EXPECT_EQ(band(1, 0), (Values{1, 0, 0, 4, 5, 0, 0, 8, 9}));
  EXPECT_EQ(result("band_part", {{"x", x}}, {3, 3}), x.values);
}

// x[0, ::2] = update
TEST(MilSliceUpdate, ReplacesTheSlice) {
  const std::vector<Bound> operands = {{"x", counted({2, 4})},
                                       {"update", Fed{{2}, {10, 20}}},
                                       {"begin", mil_integers({0, 0})},
                                       {"end", mil_integers({0, 0})},
                                       {"stride", mil_integers({1, 2})},
                                       {"end_mask", mil_truths({0, 1})},
                                       {"squeeze_mask", mil_truths({1, 0})}};
  EXPECT_EQ(result("slice_update", operands, {2, 4}), (Values{10, 1, 20, 3, 4, 5, 6, 7}));
}

TEST(MilPad, ThreeModes) {
  const Fed x = counted({2, 3});
  const auto padded = [&](const char* mode, std::vector<int64_t> amounts, const Shape& shape) {
    return result(
        "pad",
        {{"x", x}, {"pad", mil_integers(amounts)}, {"mode", mil_text(mode)}, {"constant_val", mil_number(9)}},
        shape);
  };
  EXPECT_EQ(padded("constant", {0, 1, 2, 0}, {3, 5}), (Values{9, 9, 0, 1, 2, 9, 9, 3, 4, 5, 9, 9, 9, 9, 9}));
  EXPECT_EQ(padded("reflect", {1, 0, 2, 1}, {3, 6}),
            (Values{5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4}));
  EXPECT_EQ(padded("replicate", {0, 1, 1, 2}, {3, 6}),
            (Values{0, 0, 1, 2, 2, 2, 3, 3, 4, 5, 5, 5, 3, 3, 4, 5, 5, 5}));
  // Fewer amounts are for the last axes; the constant is 0 unless given.
  EXPECT_EQ(result("pad", {{"x", x}, {"pad", mil_integers({1, 0})}}, {2, 4}),
            (Values{0, 0, 1, 2, 0, 3, 4, 5}));
}

TEST(MilCrop, CutsRowsAndColumns) {
  EXPECT_EQ(result("crop",
                   {{"x", counted({1, 4, 4})},
                    {"crop_height", mil_integers({0, 1})},
                    {"crop_width", mil_integers({1, 1})}},
                   {1, 3, 2}),
            (Values{1, 2, 5, 6, 9, 10}));
}

// One pixel with channels 0..7 in blocks of 2: by (row, column, channel) channel 0 of the block has the
// channels 0, 2, 4, 6; by (channel, row, column) 0 to 3.
TEST(MilBlocks, ChannelsAgainstPixels) {
  const Fed deep = counted({1, 8, 1, 1});
  const Values by_pixel = {0, 2, 4, 6, 1, 3, 5, 7}, by_channel = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(result("depth_to_space", {{"x", deep}, {"block_size", mil_integer(2)}}, {1, 2, 2, 2}), by_pixel);
  EXPECT_EQ(result("pixel_shuffle", {{"x", deep}, {"upscale_factor", mil_integer(2)}}, {1, 2, 2, 2}),
            by_channel);
  EXPECT_EQ(result("space_to_depth", {{"x", Fed{{1, 2, 2, 2}, by_pixel}}, {"block_size", mil_integer(2)}},
                   {1, 8, 1, 1}),
            deep.values);
  EXPECT_EQ(
      result("pixel_unshuffle", {{"x", Fed{{1, 2, 2, 2}, by_channel}}, {"downscale_factor", mil_integer(2)}},
             {1, 8, 1, 1}),
      deep.values);
}

// Two pixels side by side, each with four channels.
TEST(MilBlocks, PixelsKeepTheirPlace) {
  EXPECT_EQ(
      result("depth_to_space", {{"x", counted({1, 4, 1, 2})}, {"block_size", mil_integer(2)}}, {1, 1, 2, 4}),
      (Values{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(result("space_to_depth",
                   {{"x", Fed{{1, 1, 2, 4}, {0, 2, 1, 3, 4, 6, 5, 7}}}, {"block_size", mil_integer(2)}},
                   {1, 4, 1, 2}),
            counting(8));
}

// What coremltools expects of Core ML (tests/iOS14/test_tensor_transformation.py).
TEST(MilBlocks, ImagesAgainstPixels) {
  const Values images = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const Values batch = {0, 1, 3, 0, 9, 11, 0, 2, 4, 0, 10, 12, 0, 5, 7, 0, 13, 15, 0, 6, 8, 0, 14, 16};
  const mil::Value edges = mil_numbers({2, 2}, {0, 0, 2, 0}, DataType::Int32);
  EXPECT_EQ(
      result("space_to_batch",
             {{"x", Fed{{2, 1, 2, 4}, images}}, {"block_shape", mil_integers({2, 2})}, {"paddings", edges}},
             {8, 1, 1, 3}),
      batch);
  EXPECT_EQ(result("batch_to_space",
                   {{"x", Fed{{8, 1, 1, 3}, batch}}, {"block_shape", mil_integers({2, 2})}, {"crops", edges}},
                   {2, 1, 2, 4}),
            images);
}

TEST(BadMilShape, Axes) {
  const Fed x = counted({2, 3});
  expect_refusal("axis 3", "flatten2d", {{"x", x}, {"axis", mil_integer(3)}}, {6, 1});
  expect_refusal("axis 3", "expand_dims", {{"x", x}, {"axes", mil_integers({3})}}, {2, 3, 1});
  expect_refusal("axis -1 is given twice", "expand_dims", {{"x", x}, {"axes", mil_integers({3, -1})}},
                 {2, 3, 1, 1});
  expect_refusal("axis 2", "squeeze", {{"x", x}, {"axes", mil_integers({2})}}, {2, 3});
  expect_refusal("axis 4", "stack", {{"values", std::vector<Fed>{x}}, {"axis", mil_integer(4)}}, {2, 3, 1});
  expect_refusal("are the same", "reverse_sequence", {{"x", x}, {"lengths", mil_integers({1, 1})}}, {2, 3});
  expect_refusal("no matrix", "band_part", {{"x", counted({3})}}, {3});
}

TEST(BadMilShape, Sizes) {
  const Fed x = counted({2, 3});
  expect_refusal("more than", "fill", {{"shape", mil_integers({2147483647, 2147483647, 4, 4})}}, {1});
  expect_refusal("would have the shape [-1]", "fill", {{"shape", mil_integers({-1})}}, {1});
  const auto range = [](double start, double end, double step, const char* part) {
    expect_refusal(part, "range_1d",
                   {{"start", mil_number(start)}, {"end", mil_number(end)}, {"step", mil_number(step)}}, {1});
  };
  range(0, 1, 0, "is no range");
  range(0, 1, static_cast<double>(NAN), "is no range");
  range(0, 1e30, 1, "more than");
  expect_refusal("cannot be stacked", "stack",
                 {{"values", std::vector<Fed>{x, counted({3, 2})}}, {"axis", mil_integer(0)}}, {2, 2, 3});
  const Bound axis{"axis", mil_integer(1)};
  expect_refusal("2 equal parts", "split", {{"x", x}, axis, {"num_splits", mil_integer(2)}}, {2, 1});
  expect_refusal("do not make up", "split", {{"x", x}, axis, {"split_sizes", mil_integers({1, 1})}}, {2, 1});
  expect_refusal("do not make up", "split", {{"x", x}, axis, {"split_sizes", mil_integers({4, -1})}}, {2, 1});
  expect_refusal("neither", "split", {{"x", x}, axis}, {2, 1});
  expect_refusal("not the number", "split",
                 {{"x", x}, axis, {"split_sizes", mil_integers({1, 2})}, {"num_splits", mil_integer(3)}},
                 {2, 1});
  expect_refusal("a length of 4", "reverse_sequence",
                 {{"x", x}, {"lengths", mil_integers({4, 0})}, {"seq_axis", mil_integer(1)}}, {2, 3});
  expect_refusal("larger than an axis of 3", "sliding_windows", {{"x", x}, axis, {"size", mil_integer(4)}},
                 {2, 3});
  expect_refusal(
      "update has the shape [3] where the slice has [1, 3]", "slice_update",
      {{"x", x}, {"update", counted({3})}, {"begin", mil_integers({0, 0})}, {"end", mil_integers({1, 3})}},
      {2, 3});
}

TEST(BadMilShape, EdgesAndBlocks) {
  const Fed x = counted({2, 3}), images = counted({1, 4, 2, 3});
  const auto pad = [&](const char* part, std::vector<int64_t> amounts, const char* mode) {
    expect_refusal(part, "pad", {{"x", x}, {"pad", mil_integers(amounts)}, {"mode", mil_text(mode)}}, {2, 3});
  };
  pad("1 amounts for 2 axes", {1}, "constant");
  pad("6 amounts for 2 axes", {0, 0, 0, 0, 0, 0}, "constant");
  pad("negative", {-1, 0}, "constant");
  pad("mode wrap", {1, 0}, "wrap");
  pad("more is reflected", {3, 0}, "reflect");
  pad("more than", {2147483647, 2147483647}, "replicate");
  expect_refusal("cannot be cut from an axis of 2", "crop",
                 {{"x", images}, {"crop_height", mil_integers({1, 1})}, {"crop_width", mil_integers({0, 0})}},
                 {1, 4, 0, 3});
  expect_refusal("not four axes", "depth_to_space", {{"x", x}, {"block_size", mil_integer(2)}}, {2, 3});
  expect_refusal("4 channels do not make blocks of 3", "pixel_shuffle",
                 {{"x", images}, {"upscale_factor", mil_integer(3)}}, {1, 4, 2, 3});
  expect_refusal("does not divide", "space_to_depth", {{"x", images}, {"block_size", mil_integer(2)}},
                 {1, 4, 2, 3});
  expect_refusal("block_size is -2", "depth_to_space", {{"x", images}, {"block_size", mil_integer(-2)}},
                 {1, 4, 2, 3});
  const auto space = [&](const char* part, const char* type, const char* edges, std::vector<double> amounts) {
    expect_refusal(part, type,
                   {{"x", images},
                    {"block_shape", mil_integers({1, 2})},
                    {edges, mil_numbers({2, 2}, amounts, DataType::Int32)}},
                   {1, 4, 2, 3});
  };
  space("does not divide", "space_to_batch", "paddings", {0, 0, 0, 0});
  space("negative", "space_to_batch", "paddings", {0, 0, -1, 0});
  space("1 images do not make blocks", "batch_to_space", "crops", {0, 0, 0, 0});
}

}  // namespace
}  // namespace ane::reference
