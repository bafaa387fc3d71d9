// Expectations are pixel values written down by hand; the files that are read are either spelled out byte by
// byte here (PNM) or made by the writer under test and read by the other library (PNG: written by libpng,
// read by stb_image).

#include "media/image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "support/evidence.h"

namespace ane::media {
namespace {

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("ane_media_" + name);
}

Image picture_2x2() {
  return {2, 2, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}};
}

TEST(Image, ReadsBinaryPnm) {
  const Image grey = read_image(bytes_of(std::string("P5\n3 1\n255\n\x00\x7f\xff", 14)), "grey.pgm");
  EXPECT_EQ(grey.width, 3);
  EXPECT_EQ(grey.height, 1);
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{0, 127, 255}));
  const Image color = read_image(bytes_of("P6 1 2 255 abcdef"), "color.ppm");
  EXPECT_EQ(color.channels, 3);
  EXPECT_EQ(color.pixels, (std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST(Image, ReadsPnmWithCommentsAndOtherMaxima) {
  EXPECT_EQ(read_image(bytes_of("P5 # grey\n2#w\n1\n100\n\x32\x64"), "x.pgm").pixels,
            (std::vector<uint8_t>{128, 255}));
  const std::string sixteen("P5 2 1 65535\n\xff\xff\x80\x00", 17);
  EXPECT_EQ(read_image(bytes_of(sixteen), "x.pgm").pixels, (std::vector<uint8_t>{255, 128}));
}

TEST(Image, PngRoundTrip) {
  for (const Image& image : {picture_2x2(), Image{3, 2, 1, {0, 1, 2, 253, 254, 255}}}) {
    const auto path = temporary("round_trip.png");
    write_png(path, image);
    const Image read = read_image(path);
    EXPECT_EQ(read.width, image.width);
    EXPECT_EQ(read.height, image.height);
    EXPECT_EQ(read.channels, image.channels);
    EXPECT_EQ(read.pixels, image.pixels);
    std::filesystem::remove(path);
  }
}

TEST(Image, ResizesBetweenPixelCentres) {
  // Two pixels to four: centres fall at -0.25 (edge), 0.25, 0.75 and 1.25 (edge).
  const Image wide = resize_bilinear({2, 1, 1, {0, 100}}, 4, 1);
  EXPECT_EQ(wide.pixels, (std::vector<uint8_t>{0, 25, 75, 100}));
  // Four to one: the centre falls between the second and the third.
  EXPECT_EQ(resize_bilinear({1, 4, 1, {0, 10, 30, 200}}, 1, 1).pixels, (std::vector<uint8_t>{20}));
  EXPECT_EQ(resize_bilinear(picture_2x2(), 2, 2).pixels, picture_2x2().pixels);
}

TEST(Image, GreyIsWeightedAsBt601) {
  // 0.299*255 = 76.245, 0.587*255 = 149.685, 0.114*255 = 29.07, 2.99+11.74+3.42 = 18.15.
  EXPECT_EQ(to_gray(picture_2x2()).pixels, (std::vector<uint8_t>{76, 150, 29, 18}));
  EXPECT_EQ(to_gray({1, 1, 1, {7}}).pixels, (std::vector<uint8_t>{7}));
}

TEST(Image, PlanesInEitherColourOrder) {
  const std::vector<float> rgb = {255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30};
  const std::vector<float> bgr = {0, 0, 255, 30, 0, 255, 0, 20, 255, 0, 0, 10};
  EXPECT_EQ(to_planes(picture_2x2()), rgb);
  EXPECT_EQ(to_planes(picture_2x2(), ChannelOrder::Bgr), bgr);
  EXPECT_EQ(from_planes(rgb, 3, 2, 2).pixels, picture_2x2().pixels);
  EXPECT_EQ(from_planes(bgr, 3, 2, 2, ChannelOrder::Bgr).pixels, picture_2x2().pixels);
}

TEST(Image, PlanesAreRoundedAndClamped) {
  const std::vector<float> plane = {
      -3, 0.4f, 1.6f, 300, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  EXPECT_EQ(from_planes(plane, 1, 2, 3).pixels, (std::vector<uint8_t>{0, 0, 2, 255, 0, 255}));
}

TEST(BadImage, Empty) {
  EXPECT_THROW(read_image(ByteSpan(), "x.png"), Error);
}

TEST(BadImage, NotAPicture) {
  EXPECT_THROW(read_image(bytes_of("just some text, no picture"), "x.png"), Error);
}

TEST(BadImage, AbsurdSizeIsRefusedBeforeDecoding) {
  EXPECT_THROW(read_image(bytes_of("P5 16385 1 255 x"), "x.pgm"), Error);
  EXPECT_THROW(read_image(bytes_of("P5 16000 16000 255 x"), "x.pgm"), Error);
  EXPECT_THROW(read_image(bytes_of("P5 0 5 255 x"), "x.pgm"), Error);
  EXPECT_THROW(read_image(bytes_of("P5 99999999999 99999999999 255 x"), "x.pgm"), Error);
}

TEST(BadImage, EveryTruncationOfAPng) {
  const auto path = temporary("truncated.png");
  write_png(path, picture_2x2());
  const MappedFile file(path);
  // The last 12 bytes are the end chunk and the 4 before it a checksum; what precedes them is needed.
  for (size_t size = 0; size + 20 < file.bytes().size(); ++size) {
    EXPECT_THROW(read_image(file.bytes().first(size), "x.png"), Error) << size << " bytes";
  }
  std::filesystem::remove(path);
}

TEST(BadImage, TruncatedPnm) {
  const std::string whole = "P6 2 2 255 twelve bytes";
  EXPECT_NO_THROW(read_image(bytes_of(whole), "x.ppm"));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(read_image(bytes_of(whole.substr(0, size)), "x.ppm"), Error) << size << " bytes";
  }
}

TEST(BadImage, DamagedPnmHeaders) {
  for (const char* text :
       {"P5 x 1 255 abc", "P5 1 1 0 abc", "P5 1 1 65536 abcd", "P5 1 -1 255 abc", "P5 # no end"}) {
    EXPECT_THROW(read_image(bytes_of(text), "x.pgm"), Error) << text;
  }
}

// A photograph, as JPEG and as the pixels that another decoder made of it: decoders differ by a few units.
TEST(Image, ReadsJpegAsOthersDo) {
  ANE_NEED_EVIDENCE("models/inputs/rigid-pose");
  const Image jpeg = read_image(evidence_folder / "dentastix_224x224.jpg");
  const Image pixels = read_image(evidence_folder / "dentastix_224x224.ppm");
  ASSERT_EQ(jpeg.width, 224);
  ASSERT_EQ(jpeg.pixels.size(), pixels.pixels.size());
  int64_t total = 0;
  for (size_t i = 0; i < pixels.pixels.size(); ++i) total += std::abs(jpeg.pixels[i] - pixels.pixels[i]);
  EXPECT_LT(static_cast<double>(total) / static_cast<double>(pixels.pixels.size()), 1.0);
}

TEST(BadImage, TruncatedJpeg) {
  ANE_NEED_EVIDENCE("models/inputs/rigid-pose");
  const MappedFile file(evidence_folder / "dentastix_224x224.jpg");
  for (size_t size = 0; size + 2 < file.bytes().size(); size += 97) {
    EXPECT_THROW(read_image(file.bytes().first(size), "x.jpg"), Error) << size << " bytes";
  }
}

TEST(BadImage, MissingFile) {
  EXPECT_THROW(read_image("/nonexistent/picture.png"), Error);
}

}  // namespace
}  // namespace ane::media
