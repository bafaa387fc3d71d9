// The .npy headers here are written out as the format's specification has them, not by the writer under test.

#include "media/array.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "base/file.h"

namespace ane::media {
namespace {

Bytes npy(uint8_t version, const std::string& header, const std::vector<uint8_t>& elements) {
  ByteWriter writer;
  writer.text("\x93NUMPY");
  writer.put(version);
  writer.put<uint8_t>(0);
  if (version == 1) {
    writer.put(static_cast<uint16_t>(header.size()));
  } else {
    writer.u32(header.size());
  }
  writer.text(header);
  writer.bytes(elements);
  return writer.take();
}

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }  \n";
}

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("ane_media_" + name);
}

struct ElementCase {
  const char* descr;
  std::vector<uint8_t> bytes;  // the elements 1 and -2, or 1 and 254 for u1
  std::vector<float> values;
};

TEST(Npy, EveryElementType) {
  const ElementCase cases[] = {
      {"<f2", {0x00, 0x3c, 0x00, 0xc0}, {1, -2}},
      {"<f4", {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, {1, -2}},
      {"<f8", {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}, {1, -2}},
      {"|i1", {1, 0xfe}, {1, -2}},
      {"|u1", {1, 0xfe}, {1, 254}},
      {"<i4", {1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}, {1, -2}},
      {"<i8", {1, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, -2}},
  };
  for (const ElementCase& c : cases) {
    for (const auto version : std::to_array<uint8_t>({1, 2, 3})) {
      const Array array = read_npy(npy(version, header(c.descr, "(2,)"), c.bytes), c.descr);
      EXPECT_EQ(array.shape, (std::vector<int64_t>{2})) << c.descr;
      EXPECT_EQ(array.data, c.values) << c.descr;
    }
  }
}

TEST(Npy, FortranOrderBecomesRowMajor) {
  // Columns of [[1, 2, 3], [4, 5, 6]] one after the other.
  const Array array = read_npy(npy(1, header("|u1", "(2, 3)", "True"), {1, 4, 2, 5, 3, 6}), "f.npy");
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(array.data, (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ScalarsAndEmptyArrays) {
  const Array scalar = read_npy(npy(1, header("|u1", "()"), {9}), "scalar.npy");
  EXPECT_TRUE(scalar.shape.empty());
  EXPECT_EQ(scalar.data, (std::vector<float>{9}));
  EXPECT_TRUE(read_npy(npy(1, header("|u1", "(4, 0)"), {}), "empty.npy").data.empty());
}

TEST(Npy, WritesWhatTheSpecificationSays) {
  const Bytes bytes = encode_npy({{2}, {1, -2}});
  ASSERT_EQ(bytes.size(), 128u + 8u);  // the header of 61 characters and its preamble of 10 fill 128 bytes
  const std::string text(bytes.begin() + 10, bytes.begin() + 128);
  EXPECT_EQ(text.substr(0, text.find_last_of('}') + 1),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }");
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(bytes[8] + 256 * bytes[9], 118);
  EXPECT_EQ(Bytes(bytes.begin() + 128, bytes.end()), (Bytes{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}));
}

TEST(Npy, RoundTripOfAnyRank) {
  const auto path = temporary("round_trip.npy");
  for (const Array& array :
       {Array{{}, {3}}, Array{{3}, {1, 2, 3}}, Array{{1, 2, 1, 2, 1}, {1.5f, -0.0f, 3e38f, 1e-40f}}}) {
    write_npy(path, array);
    const Array read = read_npy(path);
    EXPECT_EQ(read.shape, array.shape);
    EXPECT_EQ(read.data, array.data);
  }
  std::filesystem::remove(path);
}

TEST(Raw, RoundTrip) {
  const auto path = temporary("round_trip.bin");
  const std::vector<float> values = {1, -2, 0.5f};
  for (const RawType type : {RawType::Float32, RawType::Float16}) {
    write_raw(path, values, type);
    EXPECT_EQ(std::filesystem::file_size(path), type == RawType::Float32 ? 12u : 6u);
    EXPECT_EQ(read_raw(path, type), values);
  }
  std::filesystem::remove(path);
}

TEST(BadRaw, PartOfAnElement) {
  const auto path = temporary("part.bin");
  write_file(path, std::string_view("seven b"));
  EXPECT_THROW(read_raw(path, RawType::Float32), Error);
  EXPECT_THROW(read_raw(path, RawType::Float16), Error);
  std::filesystem::remove(path);
}

TEST(BadNpy, WrongMagic) {
  Bytes bytes = npy(1, header("|u1", "(1,)"), {1});
  bytes[1] = 'n';
  EXPECT_THROW(read_npy(bytes, "x.npy"), Error);
}

TEST(BadNpy, UnknownVersion) {
  EXPECT_THROW(read_npy(npy(4, header("|u1", "(1,)"), {1}), "x.npy"), Error);
}

TEST(BadNpy, EveryTruncation) {
  const Bytes bytes = encode_npy({{2, 2}, {1, 2, 3, 4}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(read_npy(ByteSpan(bytes).first(size), "x.npy"), Error) << size << " bytes";
  }
}

TEST(BadNpy, MoreBytesThanTheShapeSays) {
  EXPECT_THROW(read_npy(npy(1, header("|u1", "(2,)"), {1, 2, 3}), "x.npy"), Error);
}

TEST(BadNpy, AbsurdShapeAllocatesNothing) {
  for (const char* shape : {"(9223372036854775807,)", "(4294967296, 4294967296)", "(1099511627776,)", "(-1,)",
                            "(99999999999999999999,)"}) {
    EXPECT_THROW(read_npy(npy(1, header("<f8", shape), {1, 2, 3, 4, 5, 6, 7, 8}), "x.npy"), Error) << shape;
  }
}

TEST(BadNpy, ElementTypesThatAreNotNumbersHere) {
  for (const char* descr : {">f4", "|O", "<c8", "|b1", ""}) {
    EXPECT_THROW(read_npy(npy(1, header(descr, "(1,)"), {1, 2, 3, 4}), "x.npy"), Error) << descr;
  }
}

TEST(BadNpy, DamagedHeaders) {
  for (const char* text : {"", "{", "{}", "[]", "{'descr'", "{'descr': '|u1', 'fortran_order': False}",
                           "{'descr': '|u1' 'fortran_order': False, 'shape': (1,)}",
                           "{'descr': '|u1', 'fortran_order': Maybe, 'shape': (1,)}",
                           "{'descr': '|u1', 'fortran_order': False, 'shape': 1}",
                           "{'descr': '|u1', 'fortran_order': False, 'shape': (1 1)}",
                           "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 'x'}"}) {
    EXPECT_THROW(read_npy(npy(1, text, {1}), "x.npy"), Error) << text;
  }
}

}  // namespace
}  // namespace ane::media
