// Weight files: every element type, and every kind of damage.
#include "mil/blob.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "espresso/temporary_folder.h"
#include "support/blob_builder.h"

namespace ane::mil {
namespace {

using test::BlobBuilder;
using test::TemporaryFolder;

class WeightFile {
 public:
  explicit WeightFile(const Bytes& bytes) { write_file(folder_.path() / "w.bin", bytes); }

  Blob at(uint64_t offset) const { return file().at(offset); }
  Value read(uint64_t offset, const Type& type) const {
    return BlobFiles(folder_.path()).read({.path = "@model_path/w.bin", .offset = offset}, type);
  }
  // The error's text.
  std::string refusal_of(uint64_t offset) const {
    try {
      at(offset);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }

 private:
  BlobFile file() const { return BlobFile(folder_.path() / "w.bin"); }
  TemporaryFolder folder_;
};

template <typename T>
Bytes changed(Bytes bytes, uint64_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  return bytes;
}

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

// Codes of MILBlob's BlobDataType (coremltools, mlmodel/src/MILBlob/Blob).
TEST(Blobs, EveryElementType) {
  const std::pair<uint32_t, DataType> codes[] = {
      {1, DataType::Float16},    {2, DataType::Float32}, {3, DataType::UInt8},   {4, DataType::Int8},
      {5, DataType::BFloat16},   {6, DataType::Int16},   {7, DataType::UInt16},  {8, DataType::Int4},
      {9, DataType::UInt1},      {10, DataType::UInt2},  {11, DataType::UInt4},  {12, DataType::UInt3},
      {13, DataType::UInt6},     {14, DataType::Int32},  {15, DataType::UInt32}, {16, DataType::Float8E4M3FN},
      {17, DataType::Float8E5M2}};
  BlobBuilder blobs;
  std::vector<uint64_t> offsets;
  for (const auto& [code, type] : codes) offsets.push_back(blobs.add(code, Bytes(12, 0x11)));
  const WeightFile file(blobs.bytes());
  for (size_t i = 0; i < std::size(codes); ++i) {
    const DataType type = codes[i].second;
    EXPECT_EQ(file.at(offsets[i]).type, type);
    const int64_t count = 12 * 8 / bits_of(type);
    EXPECT_EQ(file.read(offsets[i], {.element = type, .shape = {count}}).count(), count) << name_of(type);
  }
}

TEST(Blobs, ElementsBelowEightBits) {
  BlobBuilder blobs;
  const uint64_t three = blobs.add(12, Bytes{0b11010001, 0b01011000}, 1);
  const uint64_t four = blobs.add(8, Bytes{0x8f, 0x07}, 4);
  const WeightFile file(blobs.bytes());
  EXPECT_EQ(file.read(three, {.element = DataType::UInt3, .shape = {5}}).integers(),
            (std::vector<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(file.read(four, {.element = DataType::Int4, .shape = {3}}).integers(),
            (std::vector<int64_t>{-1, -8, 7}));
  EXPECT_THROW(file.read(four, {.element = DataType::Int4, .shape = {4}}), Error);
  EXPECT_THROW(file.read(four, {.element = DataType::Int4, .shape = {2}}), Error);
  EXPECT_THROW(file.read(four, {.element = DataType::UInt4, .shape = {3}}), Error);
}

// Writers before iOS 18 left whatever was in their memory in the words that are now reserved or count unused
// bits (three of the public files).
TEST(Blobs, LeftoversInReservedWords) {
  BlobBuilder blobs;
  const uint64_t offset = blobs.add(1, Bytes{0, 0x3c}, 140576716733082);
  Bytes bytes = blobs.bytes();
  for (size_t i = 32; i < 64; ++i) bytes[offset + i] = 0x5a;
  EXPECT_EQ(WeightFile(bytes).read(offset, {.element = DataType::Float16, .shape = {1}}).number(), 1.0f);
}

TEST(Blobs, NothingAndScalars) {
  BlobBuilder blobs;
  const uint64_t nothing = blobs.add(2, Bytes{}), scalar = blobs.add(3, Bytes{9});
  const WeightFile file(blobs.bytes());
  EXPECT_EQ(file.read(nothing, {.element = DataType::Float32, .shape = {4, 0}}).count(), 0);
  EXPECT_EQ(file.read(scalar, {.element = DataType::UInt8}).integer(), 9);
}

TEST(BadBlobs, Headers) {
  expect_part(WeightFile(BlobBuilder(1).bytes()).refusal_of(64), "blob storage of version 1");
  expect_part(WeightFile(BlobBuilder(3).bytes()).refusal_of(64), "has version 3 where 2 must stand");
  expect_part(WeightFile(Bytes(63)).refusal_of(64), "the file ends inside the header");
  expect_part(WeightFile(Bytes()).refusal_of(64), "the file ends inside the header");
}

TEST(BadBlobs, Entries) {
  BlobBuilder blobs;
  const uint64_t at = blobs.add(1, Bytes(8));
  const Bytes good = blobs.bytes();
  EXPECT_EQ(WeightFile(good).refusal_of(at), "");
  // The offset of the data instead of the metadata, and offsets of nothing.
  expect_part(WeightFile(good).refusal_of(0), "no entry begins here");
  expect_part(WeightFile(good).refusal_of(at + 64), "the file ends inside an entry's metadata");
  expect_part(WeightFile(good).refusal_of(~uint64_t{0}), "the file ends inside an entry's metadata");
  expect_part(WeightFile(changed<uint32_t>(good, at, 0xdeadbeee)).refusal_of(at), "no entry begins here");
  for (const uint32_t code : {0u, 18u, ~0u})
    expect_part(WeightFile(changed(good, at + 4, code)).refusal_of(at), "unknown element type");
  for (const uint64_t size : {uint64_t{9}, uint64_t{1} << 63, ~uint64_t{0}})
    expect_part(WeightFile(changed(good, at + 8, size)).refusal_of(at),
                "the file ends inside an entry's data");
  expect_part(WeightFile(changed(good, at + 16, ~uint64_t{0})).refusal_of(at),
              "the file ends inside an entry's data");
  expect_part(WeightFile(changed<uint64_t>(good, at + 16, at + 1)).refusal_of(at), "are not aligned");
}

TEST(BadBlobs, UnusedBits) {
  BlobBuilder blobs;
  const uint64_t at = blobs.add(11, Bytes(1), 8), empty = blobs.add(11, Bytes{}, 4);
  const WeightFile file(blobs.bytes());
  expect_part(file.refusal_of(at), "last byte has 8 unused bits");
  expect_part(file.refusal_of(empty), "last byte has 4 unused bits");
}

TEST(BadBlobs, OtherTypesAndSizes) {
  BlobBuilder blobs;
  const uint64_t at = blobs.add(1, Bytes(8));
  const WeightFile file(blobs.bytes());
  EXPECT_EQ(file.read(at, {.element = DataType::Float16, .shape = {2, 2}}).count(), 4);
  EXPECT_THROW(file.read(at, {.element = DataType::Float16, .shape = {3}}), Error);
  EXPECT_THROW(file.read(at, {.element = DataType::Float16, .shape = {5}}), Error);
  EXPECT_THROW(file.read(at, {.element = DataType::Int16, .shape = {4}}), Error);
}

}  // namespace
}  // namespace ane::mil
