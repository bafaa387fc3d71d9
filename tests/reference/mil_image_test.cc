// MIL's operations on images. "Expected of Core ML" marks numbers that coremltools' own tests expect of it
// (coremltools/converters/mil/mil/ops/tests, by file); the others are worked out by hand.

#include "mil_run.h"

namespace ane::reference {
namespace {

Bound text(const char* name, const char* value) {
  return {name, mil_text(value)};
}

TEST(MilUpsample, NearestByWholeFactors) {
  EXPECT_EQ(result("upsample_nearest_neighbor",
                   {{"x", Fed{{1, 2, 2}, {1, 2, 3, 4}}},
                    {"scale_factor_height", mil_integer(2)},
                    {"scale_factor_width", mil_integer(3)}},
                   {1, 4, 6}),
            (Values{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4}));
}

// Expected of Core ML (iOS15/test_image_resizing.py): the sizes are floor(1 * 3.17) and floor(3 * 0.67),
// floor(3 * 1.12).
TEST(MilUpsample, NearestByFractions) {
  const Fed x{{1, 1, 1, 3}, {1.5f, -2.5f, 3.5f}};
  const auto by = [&](double height, double width, const Shape& shape) {
    return result(
        "upsample_nearest_neighbor",
        {{"x", x}, {"scale_factor_height", mil_number(height)}, {"scale_factor_width", mil_number(width)}},
        shape);
  };
  EXPECT_EQ(by(3.17, 0.67, {1, 1, 3, 2}), (Values{1.5f, -2.5f, 1.5f, -2.5f, 1.5f, -2.5f}));
  EXPECT_EQ(by(2, 1.12, {1, 1, 2, 3}), (Values{1.5f, -2.5f, 3.5f, 1.5f, -2.5f, 3.5f}));
  // In float32, 10 times 0.7 is 7, though the nearest float to 0.7 is less.
  EXPECT_EQ(
      result("upsample_nearest_neighbor",
             {{"x", Fed{{1, 1, 10}, counting(10)}}, {"scale_factor_width", mil_number(0.7)}}, {1, 1, 7}),
      (Values{0, 1, 2, 4, 5, 7, 8}));
}

// Expected of Core ML (iOS14 and iOS16/test_image_resizing.py).
TEST(MilUpsample, BilinearOnThreeGrids) {
  const auto upsampled = [](std::vector<Bound> more, double width, const Values& values, const Shape& shape) {
    more.push_back({"x", Fed{{1, 1, 2}, values}});
    more.push_back({"scale_factor_width", mil_number(width)});
    return result("upsample_bilinear", more, shape);
  };
  const Bound align{"align_corners", mil_truth(true)}, unaligned{"align_corners", mil_truth(false)},
      corners{"half_pixel_centers", mil_truth(false)};
  const Shape six = {1, 1, 6};
  expect_near(upsampled({}, 3, {0, 1}, six), {0, 0.2, 0.4, 0.6, 0.8, 1});
  expect_near(upsampled({align, corners}, 3, {1, 2}, six), {1, 1.2, 1.4, 1.6, 1.8, 2});
  expect_near(upsampled({unaligned}, 3, {1, 2}, six), {1, 1, 4.0 / 3, 5.0 / 3, 2, 2});
  expect_near(upsampled({unaligned, corners}, 3, {1, 2}, six), {1, 4.0 / 3, 5.0 / 3, 2, 2, 2});
  expect_near(upsampled({unaligned}, 2.6, {0, 1}, {1, 1, 5}), {0, 0.1, 0.5, 0.9, 1});
}

// The numbers of the operator's documentation, also expected of Core ML (iOS14,
// iOS15/test_image_resizing.py).
TEST(MilResizeBilinear, SamplingModes) {
  const auto resized = [](const char* mode, int64_t width) {
    return result("resize_bilinear",
                  {{"x", Fed{{1, 1, 2}, {0, 1}}},
                   {"target_size_width", mil_integer(width)},
                   text("sampling_mode", mode)},
                  {1, 1, width});
  };
  expect_near(resized("STRICT_ALIGN_CORNERS", 5), {0, 0.25, 0.5, 0.75, 1});
  expect_near(resized("ALIGN_CORNERS", 5), {0, 0.25, 0.5, 0.75, 1});
  expect_near(resized("DEFAULT", 5), {0, 0.4, 0.8, 1, 1});
  expect_near(resized("OFFSET_CORNERS", 5), {0.1, 0.3, 0.5, 0.7, 0.9});
  expect_near(resized("UNALIGN_CORNERS", 5), {0, 0.1, 0.5, 0.9, 1});
  expect_near(resized("OFFSET_CORNERS", 6), {1.0 / 12, 0.25, 5.0 / 12, 7.0 / 12, 0.75, 11.0 / 12});
  expect_near(resized("STRICT_ALIGN_CORNERS", 1), {0});
  expect_near(resized("ALIGN_CORNERS", 1), {0.5});
}

TEST(MilResizeBilinear, BothAxesOfEveryPlane) {
  // Aligned corners, 2 x 2 to 3 x 3: the middles are means.
  expect_near(result("resize_bilinear",
                     {{"x", Fed{{2, 2, 2}, {0, 2, 4, 6, 0, -2, -4, -6}}},
                      {"target_size_height", mil_integer(3)},
                      {"target_size_width", mil_integer(3)},
                      text("sampling_mode", "STRICT_ALIGN_CORNERS")},
                     {2, 3, 3}),
              {0, 1, 2, 2, 3, 4, 4, 5, 6, 0, -1, -2, -2, -3, -4, -4, -5, -6});
}

TEST(MilResizeNearest, LooksForTheCentresOfPixels) {
  const auto resized = [](const Values& values, int64_t width) {
    return result("resize_nearest_neighbor",
                  {{"x", Fed{{1, 1, static_cast<int64_t>(values.size())}, values}},
                   {"target_size_height", mil_integer(1)},
                   {"target_size_width", mil_integer(width)}},
                  {1, 1, width});
  };
  EXPECT_EQ(resized({1, 2}, 4), (Values{1, 1, 2, 2}));
  // Centres at 1/3, 1 and 5/3: the middle one is where the second pixel begins.
  EXPECT_EQ(resized({1, 2}, 3), (Values{1, 2, 2}));
  // Centres at 3/4 and 9/4.
  EXPECT_EQ(resized({1, 2, 3}, 2), (Values{1, 3}));
}

// Expected of Core ML (iOS17/test_image_resizing.py).
TEST(MilResize, LastAxesByAShape) {
  const auto shape = [](std::vector<int64_t> sizes) { return Bound{"shape", mil_integers(sizes)}; };
  const Bound two{"resized_dims", mil_number(2, DataType::UInt32)};
  EXPECT_EQ(result("resize",
                   {{"x", Fed{{1, 1, 1, 2, 1}, {-6.174f, 9.371f}}},
                    shape({1, 1, 3, 2}),
                    two,
                    text("interpolation_mode", "NEAREST_NEIGHBOR")},
                   {1, 1, 1, 3, 2}),
            (Values{-6.174f, -6.174f, 9.371f, 9.371f, 9.371f, 9.371f}));
  expect_near(result("resize", {{"x", Fed{{1, 1, 2}, {0, 1}}}, shape({1, 1, 5}), two}, {1, 1, 5}),
              {0, 0.4, 0.8, 1, 1});
  // 0 keeps a size.
  EXPECT_EQ(result("resize", {{"x", Fed{{2, 2}, {0, 1, 2, 3}}}, shape({0, 0}), two}, {2, 2}),
            (Values{0, 1, 2, 3}));
}

const Fed square{{1, 1, 4, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

std::vector<Bound> cut(const Fed& roi, int64_t size, bool normalized, const char* mode) {
  return {{"x", square},
          {"roi", roi},
          {"target_height", mil_integer(size)},
          {"target_width", mil_integer(size)},
          {"normalized_coordinates", mil_truth(normalized)},
          {"sampling_mode", mil_text(mode)}};
}

// Expected of Core ML (iOS14/test_image_resizing.py).
TEST(MilCropResize, OneBoxInEveryImage) {
  const auto boxed = [](const Fed& roi, int64_t size, bool normalized) {
    return result("crop_resize", cut(roi, size, normalized, "ALIGN_CORNERS"), {1, 1, 1, size, size},
                  DataType::Float32, "ios15");
  };
  const Fed middle{{1, 1, 4, 1, 1}, {1, 1, 2, 2}}, inverted{{1, 1, 4, 1, 1}, {2, 2, 1, 1}};
  const Fed corner{{1, 1, 5, 1, 1}, {0, 0, 0, 1.0f / 3, 1.0f / 3}};
  expect_near(boxed(middle, 2, false), {6, 7, 10, 11});
  expect_near(boxed(middle, 4, false), {6, 19.0 / 3, 20.0 / 3, 7, 22.0 / 3, 23.0 / 3, 8, 25.0 / 3, 26.0 / 3,
                                        9, 28.0 / 3, 29.0 / 3, 10, 31.0 / 3, 32.0 / 3, 11});
  expect_near(boxed(middle, 1, false), {8.5});
  expect_near(boxed(corner, 2, true), {1, 2, 5, 6});
  expect_near(boxed(inverted, 2, false), {11, 10, 7, 6});
}

// Expected of Core ML (iOS16 and iOS17/test_image_resizing.py): boxes that reach outside, with a pad_value
// of 10.
TEST(MilCropResize, OutsideIsThePadValue) {
  const std::vector<double> expected = {3.1, 5.2, 10, 10, 10, 7.9, 10, 13.9, 2.2, 3.1, 9.4, 10.3};
  const Values boxes = {0.1f, 0.3f, 1.3f, 1.0f, 0.5f, 1.8f, 1.0f, 0.3f, 0.0f, 0.4f, 0.6f, 0.7f};
  Values regions;
  for (size_t i = 0; i < 3; ++i) {
    regions.push_back(0);
    regions.insert(regions.end(), boxes.begin() + i * 4, boxes.begin() + i * 4 + 4);
  }
  std::vector<Bound> operands = cut({{3, 1, 5, 1, 1}, regions}, 2, true, "ALIGN_CORNERS");
  operands.push_back({"pad_value", mil_number(10)});
  expect_near(result("crop_resize", operands, {3, 1, 1, 2, 2}, DataType::Float32, "ios16"), expected);
  operands[1] = {"boxes", Fed{{3, 4}, boxes}};
  operands.push_back({"box_indices", mil_integers({0, 0, 0})});
  expect_near(result("crop_resize", operands, {3, 1, 2, 2}), expected);
}

TEST(MilCropResize, FourWaysToSayABox) {
  const auto boxed = [](const char* mode, const Values& box) {
    std::vector<Bound> operands = cut({{1, 1, 4, 1, 1}, box}, 2, false, "STRICT_ALIGN_CORNERS");
    operands.push_back(text("box_coordinate_mode", mode));
    operands.push_back({"spatial_scale", mil_number(0.5)});
    return result("crop_resize", operands, {1, 1, 1, 2, 2}, DataType::Float32, "ios15");
  };
  // Rows 0 to 2, columns 1 to 3, at half the scale.
  const Values expected = {2, 4, 10, 12};
  EXPECT_EQ(boxed("CORNERS_HEIGHT_FIRST", {0, 2, 4, 6}), expected);
  EXPECT_EQ(boxed("CORNERS_WIDTH_FIRST", {2, 0, 6, 4}), expected);
  EXPECT_EQ(boxed("CENTER_SIZE_HEIGHT_FIRST", {2, 4, 4, 4}), expected);
  EXPECT_EQ(boxed("CENTER_SIZE_WIDTH_FIRST", {4, 2, 4, 4}), expected);
}

TEST(MilCropResize, EachBoxFromItsImageOrAllFromAll) {
  const Fed x{{2, 1, 1, 2}, {1, 2, 30, 40}};
  const auto with = [&](Bound boxes, std::vector<Bound> more, const Shape& shape, const char* opset) {
    more.insert(more.end(), {{"x", x},
                             std::move(boxes),
                             {"target_width", mil_integer(2)},
                             text("sampling_mode", "STRICT_ALIGN_CORNERS")});
    return result("crop_resize", more, shape, DataType::Float32, opset);
  };
  const Fed whole{{1, 1, 4, 1, 1}, {0, 0, 0, 1}}, second{{1, 1, 5, 1, 1}, {1, 0, 0, 0, 1}};
  EXPECT_EQ(with({"roi", whole}, {}, {1, 2, 1, 1, 2}, "ios15"), (Values{1, 2, 30, 40}));
  EXPECT_EQ(with({"roi", second}, {}, {1, 1, 1, 1, 2}, "ios15"), (Values{30, 40}));
  const Fed two{{2, 4}, {0, 0, 0, 1, 0, 1, 0, 0}};
  // Without box_indices, box i is cut from image i.
  EXPECT_EQ(with({"boxes", two}, {}, {2, 1, 1, 2}, "ios17"), (Values{1, 2, 40, 30}));
  EXPECT_EQ(with({"boxes", two}, {{"box_indices", mil_integers({1, 0})}}, {2, 1, 1, 2}, "ios17"),
            (Values{30, 40, 2, 1}));
}

// Expected of Core ML (iOS15/test_image_resizing.py).
TEST(MilAffine, ReadsWhereTheMatrixSays) {
  const auto transformed = [](int64_t height, int64_t width) {
    return result("affine",
                  {{"x", Fed{{1, 1, 2, 2}, {11, 22, 33, 44}}},
                   {"transform_matrix", Fed{{1, 6}, {-1, -2, -3.7f, -1, 3.5f, 1.2f}}},
                   {"output_height", mil_integer(height)},
                   {"output_width", mil_integer(width)},
                   text("sampling_mode", "bilinear"),
                   text("padding_mode", "constant"),
                   {"padding_value", mil_number(0)},
                   text("coordinates_mode", "normalized_minus_one_to_one"),
                   {"align_corners", mil_truth(true)}},
                  {1, 1, height, width});
  };
  expect_near(transformed(3, 3), {10.7525, 2.5025, 0, 1.98, 0, 0, 0, 0, 0});
  expect_near(transformed(2, 5), {10.7525, 5.94, 2.5025, 0.44, 0, 0, 0, 0, 0, 0});
}

Values resampled(const Fed& coordinates, const char* sampling, const char* padding, double value,
                 const char* mode, bool align) {
  return result("resample",
                {{"x", Fed{{1, 1, 2, 2}, {11, 22, 33, 44}}},
                 {"coordinates", coordinates},
                 text("sampling_mode", sampling),
                 text("padding_mode", padding),
                 {"padding_value", mil_number(value)},
                 text("coordinates_mode", mode),
                 {"align_corners", mil_truth(align)}},
                {1, 1, 2, 2});
}

// Expected of Core ML (iOS15/test_image_resizing.py).
TEST(MilResample, PaddingsAndCoordinates) {
  const Fed points{{1, 2, 2, 2}, {-1, -2, -3.7f, -1, 0, 0, 3.5f, 1.2f}};
  expect_near(resampled(points, "bilinear", "constant", 6.17, "normalized_minus_one_to_one", true),
              {8.585, 6.17, 27.5, 6.17});
  expect_near(resampled(points, "nearest", "border", -1, "unnormalized", false), {11, 11, 11, 44});
  expect_near(resampled(points, "bilinear", "reflection", -1, "normalized_zero_to_one", true),
              {22, 36.3, 11, 34.1});
  expect_near(resampled(points, "nearest", "symmetric", -1, "normalized_zero_to_one", false),
              {22, 33, 11, 33});
  const Fed whole{{1, 2, 2, 2}, {0, 0, 1, 1, 0, 0, 1, 1}, DataType::Int32};
  expect_near(resampled(whole, "bilinear", "constant", 6.17, "normalized_minus_one_to_one", true),
              {27.5, 44, 27.5, 44});
  expect_near(resampled(whole, "nearest", "border", -1, "unnormalized", false), {11, 44, 11, 44});
}

TEST(MilResample, AllChannelsOfEveryImage) {
  // Pixel (1, 0) of both channels of two images.
  const Fed x{{2, 2, 1, 2}, counting(8)};
  EXPECT_EQ(result("resample",
                   {{"x", x},
                    {"coordinates", Fed{{2, 1, 2, 2}, {1, 0, 0, 0, 0.5f, 0, 1, 0}}},
                    text("sampling_mode", "bilinear"),
                    text("padding_mode", "border"),
                    {"padding_value", mil_number(0)},
                    text("coordinates_mode", "unnormalized"),
                    {"align_corners", mil_truth(false)}},
                   {2, 2, 1, 2}),
            (Values{1, 0, 3, 2, 4.5f, 5, 6.5f, 7}));
}

TEST(BadMilImage, Resizing) {
  const Fed x{{1, 2, 2}, {1, 2, 3, 4}};
  expect_refusal("less than three axes", "upsample_nearest_neighbor", {{"x", Fed{{2, 2}, {1, 2, 3, 4}}}},
                 {2, 2});
  for (const double factor : {0.4, 0.0, -1.0, 1e30, static_cast<double>(NAN)})
    expect_refusal("leaves a size of", "upsample_bilinear",
                   {{"x", x}, {"scale_factor_width", mil_number(factor)}}, {1, 2, 2});
  expect_refusal("exclude each other", "upsample_bilinear",
                 {{"x", x}, {"half_pixel_centers", mil_truth(true)}}, {1, 2, 2});
  expect_refusal("a size of 0", "resize_bilinear", {{"x", x}, {"target_size_width", mil_integer(0)}},
                 {1, 1, 0});
  expect_refusal("more than", "resize_bilinear", {{"x", x}, {"target_size_width", mil_integer(2147483647)}},
                 {1, 1, 1});
  expect_refusal("sampling_mode CORNERS is not known", "resize_bilinear",
                 {{"x", x}, text("sampling_mode", "CORNERS")}, {1, 1, 1});
  const auto resize = [&](const char* part, std::vector<Bound> more) {
    more.push_back({"x", x});
    expect_refusal(part, "resize", more, {1, 2, 2});
  };
  const Bound shape{"shape", mil_integers({2, 2})}, two{"resized_dims", mil_integer(2)};
  resize("cannot take sizes", {shape, {"resized_dims", mil_integer(3)}});
  resize("a size of -1", {{"shape", mil_integers({-1, 2})}, two});
  resize("interpolation_mode CUBIC", {shape, two, text("interpolation_mode", "CUBIC")});
  resize("for the sampling_mode DEFAULT only", {shape, two, text("interpolation_mode", "NEAREST_NEIGHBOR"),
                                                text("sampling_mode", "ALIGN_CORNERS")});
}

TEST(BadMilImage, Boxes) {
  const Fed middle{{1, 1, 4, 1, 1}, {1, 1, 2, 2}}, outside{{1, 1, 4, 1, 1}, {1, 1, 4, 4}};
  const auto refuse = [](const char* part, const std::vector<Bound>& operands, const char* opset) {
    expect_refusal(part, "crop_resize", operands, {1, 1, 1, 4, 4}, DataType::Float32, opset);
  };
  refuse("UNALIGN_CORNERS means for a box is not known", cut(middle, 4, false, "UNALIGN_CORNERS"), "ios15");
  refuse("behind the end of a box", cut(middle, 4, false, "DEFAULT"), "ios15");
  refuse("reaches outside of the image", cut(outside, 4, false, "ALIGN_CORNERS"), "ios15");
  refuse("not [N, 1, 4 or 5, 1, 1]", cut({{1, 4}, {1, 1, 2, 2}}, 4, false, "ALIGN_CORNERS"), "ios15");
  refuse("from image 1 of 1", cut({{1, 1, 5, 1, 1}, {1, 1, 1, 2, 2}}, 4, false, "ALIGN_CORNERS"), "ios15");
  refuse("lacks its parameter boxes", {{"x", square}}, "ios17");
  refuse("has no parameter roi", cut(middle, 4, false, "ALIGN_CORNERS"), "ios17");
  refuse("boxes has the shape [4]", {{"x", square}, {"boxes", Fed{{4}, {1, 1, 2, 2}}}}, "ios17");
  refuse("from image 1 of 1", {{"x", square}, {"boxes", Fed{{2, 4}, {0, 0, 0, 0, 0, 0, 0, 0}}}}, "ios17");
}

TEST(BadMilImage, Grids) {
  const Fed points{{1, 2, 2, 2}, counting(8)}, infinite{{1, 2, 2, 2}, Values(8, HUGE_VALF)};
  const auto refuse = [](const char* part, const Fed& coordinates, const char* sampling, const char* padding,
                         const char* mode) {
    expect_refusal(part, "resample",
                   {{"x", Fed{{1, 1, 2, 2}, {11, 22, 33, 44}}},
                    {"coordinates", coordinates},
                    text("sampling_mode", sampling),
                    text("padding_mode", padding),
                    {"padding_value", mil_number(0)},
                    text("coordinates_mode", mode),
                    {"align_corners", mil_truth(true)}},
                   {1, 1, 2, 2});
  };
  refuse("sampling_mode cubic", points, "cubic", "border", "unnormalized");
  refuse("padding_mode wrap", points, "nearest", "wrap", "unnormalized");
  refuse("coordinates_mode degrees", points, "nearest", "border", "degrees");
  refuse("no number", infinite, "nearest", "reflection", "unnormalized");
  refuse("no number", infinite, "nearest", "constant", "unnormalized");
  refuse("for 1 images", Fed{{2, 1, 2, 2}, counting(8)}, "nearest", "border", "unnormalized");
}

}  // namespace
}  // namespace ane::reference
