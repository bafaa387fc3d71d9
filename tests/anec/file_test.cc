// Reading what was written, and refusing what libane would believe to its harm.
#include <gtest/gtest.h>

#include <random>

#include "anec/sample.h"
#include "base/error.h"

namespace ane::anec {
namespace {

Bytes sample(uint32_t header_size) {
  return write(from_hwx(test::add_through_scratch().file, {.header_size = header_size}).file);
}

TEST(File, ReadsWhatItWrote) {
  for (const uint32_t header_size : {short_header, long_header}) {
    const File made = from_hwx(test::add_through_scratch().file, {.header_size = header_size}).file;
    EXPECT_EQ(read(write(made), made.name), made);
  }
}

TEST(File, DescribesEveryChannel) {
  const Converted converted = from_hwx(test::add_through_scratch().file, {});
  const std::string text = describe(converted.file, converted.names);
  for (const char* part :
       {"header 0x800; 2 tasks", "channel  0", "channel  3  scratch", "channel  4  output 0",
        "channel  5  input 0", "channel  6  input 1", "1 x 3 x 4 x 20", "; xz\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(File, BadTruncated) {
  for (const uint32_t header_size : {short_header, long_header}) {
    const Bytes bytes = sample(header_size);
    for (size_t size = 0; size < bytes.size(); size += size < 0x1100 ? 7 : 257)
      EXPECT_THROW(read(ByteSpan(bytes).first(size), "cut"), Error) << size;
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_THROW(read(longer, "longer"), Error);
  }
}

template <typename T>
void expect_refused(uint64_t offset, T value) {
  Bytes bytes = sample(short_header);
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
  EXPECT_THROW(read(bytes, "changed"), Error) << std::hex << offset << " " << value;
}

TEST(File, BadFields) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{0x457f}, uint64_t{0x4590}, ~uint64_t{0}})
    expect_refused(0x00, value);  // size
  for (const uint32_t value : {0u, 0x278u, 0x273u, 0x10u, 0x10000u, ~0u})
    expect_refused(0x08, value);                                               // td_size
  for (const uint32_t value : {0u, 1u, 3u, ~0u}) expect_refused(0x0c, value);  // td_count
  for (const uint64_t value : {uint64_t{0}, uint64_t{0x560}, uint64_t{0x584}, ~uint64_t{0}})
    expect_refused(0x10, value);  // tsk_size
  for (const uint64_t value : {uint64_t{0}, uint64_t{0x4001}, ~uint64_t{15}}) expect_refused(0x18, value);
  for (const uint32_t value : {1u, 3u, 28u, ~0u}) expect_refused(0x20, value);  // src_count
  for (const uint32_t value : {0u, 2u, 27u, ~0u}) expect_refused(0x24, value);  // dst_count
  expect_refused(0x28, 1u);                                                     // channel 0 too small
  expect_refused(0x2c, 1u);                                                     // channel 1 has no buffer
  expect_refused(0x28 + 4 * 4, 0u);                                             // an output without one
  expect_refused(0x28 + 4 * 7, 1u);                                             // a buffer without a role
  expect_refused(0x6a8, 1u);                                                    // behind the fields
}

TEST(File, BadShapes) {
  const uint64_t shape = 0xa8 + 48 * 4;
  for (const uint64_t axis : {0, 1, 2, 3})
    for (const uint64_t value : {uint64_t{0}, uint64_t{33} << 31, ~uint64_t{0}})
      expect_refused(shape + 8 * axis, value);
  expect_refused(shape + 8 * 3, uint64_t{65});      // 65 elements in a row of 64 bytes
  expect_refused(shape + 8 * 4, uint64_t{255});     // four rows of 64 in less
  expect_refused(shape + 8 * 4, uint64_t{0x2000});  // three planes in one tile
  expect_refused(shape + 8 * 5, uint64_t{0});
}

TEST(File, BadNetworksOfTasks) {
  expect_refused(0x800 + 0x1c, 0x100u);       // the next task inside this one
  expect_refused(0x800 + 0x1c, 0x7fffff00u);  // outside of the file
  expect_refused(0x800 + 0x28, ~0u);          // a record beyond its task
}

TEST(File, BadRandomBytes) {
  std::mt19937 random(5);
  const Bytes good = sample(short_header);
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes = good;
    for (int j = 0; j < 4; ++j)
      bytes[random() % (i % 2 ? bytes.size() : 0x130)] = static_cast<uint8_t>(random());
    try {
      const File file = read(bytes, "random");
      EXPECT_EQ(write(file).size(), bytes.size());
      describe(file);
      contradictions(file, decode_tasks(file));
    } catch (const Error&) {
    }
  }
  for (int i = 0; i < 200; ++i) {
    Bytes bytes(random() % 0x3000);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    EXPECT_THROW(read(bytes, "random"), Error);
  }
}

}  // namespace
}  // namespace ane::anec
