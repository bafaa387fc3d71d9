// Damaged and hostile files end in an Error, never in a crash, and never ask for more memory than they are
// worth.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.h"
#include "h13/task.h"
#include "hwx/container.h"
#include "hwx/sample.h"
#include "support/golden.h"

namespace ane::hwx {
namespace {

Bytes sample_bytes(Dialect dialect = Dialect::B) {
  return write(sample_file::make(dialect, sample_file::Constants::Tiled));
}

template <typename T>
void put(Bytes& bytes, uint64_t offset, T value) {
  ASSERT_LE(offset + sizeof value, bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// Reading, and everything that a reader's result promises: its tasks may be taken apart and it can be
// written.
void read_and_use(const Bytes& bytes) {
  const File file = read(bytes, "bad.hwx");
  h13::decode_tasks(file.text, file.first_task_words, file.name);
  write(file);
}

TEST(BadHwx, TruncatedAnywhere) {
  const Bytes bytes = sample_bytes();
  for (size_t size = 0; size < bytes.size(); size += 512)
    EXPECT_THROW(read_and_use(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size))), Error)
        << size;
}

TEST(BadHwx, WrongMagic) {
  Bytes bytes = sample_bytes();
  bytes[0] ^= 1;
  EXPECT_FALSE(is_hwx(bytes));
  EXPECT_THROW(read(bytes, "bad.hwx"), Error);
  EXPECT_FALSE(is_hwx(Bytes{0xce, 0xfa, 0xef}));
}

TEST(BadHwx, UnknownEngine) {
  for (const uint32_t subtype : {0u, 2u, 8u, 11u, 0xffffffffu}) {
    Bytes bytes = sample_bytes();
    put(bytes, 8, subtype);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error) << subtype;
  }
}

TEST(BadHwx, HugeCommandCountsAndSizes) {
  for (const uint32_t huge : {0x7fffffffu, 0xffffffffu}) {
    Bytes count = sample_bytes();
    put(count, 0x10, huge);
    EXPECT_THROW(read(count, "bad.hwx"), Error);
    Bytes size = sample_bytes();
    put(size, 0x14, huge);
    EXPECT_THROW(read(size, "bad.hwx"), Error);
    Bytes command = sample_bytes();
    put(command, 0x24, huge);
    EXPECT_THROW(read(command, "bad.hwx"), Error);
  }
  Bytes none = sample_bytes();
  put<uint32_t>(none, 0x24, 0);
  EXPECT_THROW(read(none, "bad.hwx"), Error);
}

// The second command is __TEXT: sections at +0x40, then __text with its size at +0x48 + 0x28, relocations at
// + 0x3c.
TEST(BadHwx, HugeSectionsAndRelocations) {
  const uint64_t text_command = 0x20 + 72;
  for (const uint64_t offset : {text_command + 0x40, text_command + 0x48 + 0x28, text_command + 0x48 + 0x2c,
                                text_command + 0x48 + 0x30, text_command + 0x48 + 0x3c}) {
    Bytes bytes = sample_bytes();
    put<uint32_t>(bytes, offset, 0xfffffff0);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error) << std::hex << offset;
  }
}

// __const is the second section of __TEXT; its address stands at +0x20 of the section.
TEST(BadHwx, ConstantsAwayFromTheTasks) {
  const uint64_t address = 0x20 + 72 + 0x48 + 80 + 0x20;
  uint64_t good = 0;
  std::memcpy(&good, sample_bytes().data() + address, sizeof good);
  for (const uint64_t moved : {uint64_t{0}, good - 0x1000, good + 0x10000, ~uint64_t{0}}) {
    Bytes bytes = sample_bytes();
    put(bytes, address, moved);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error) << std::hex << moved;
  }
}

// Many symbols that all name one long string would need far more memory than the file.
TEST(BadHwx, SymbolsThatShareALongName) {
  ByteWriter file;
  const uint32_t symbols = 0x4000, string_bytes = 0x40000;
  for (const uint32_t word : {magic, cpu_type, cpu_subtype_h13, 2u, 1u, 0x18u, 0u, 0u}) file.u32(word);
  for (const uint32_t word : {command::symbols, 0x18u, 0x38u, symbols, 0x38u + 16 * symbols, string_bytes})
    file.u32(word);
  for (uint32_t i = 0; i < symbols; ++i) file.zeros(16);
  file.bytes(Bytes(string_bytes - 1, 'a'));
  file.zeros(1);
  EXPECT_THROW(parse(file.data(), "bad.hwx"), Error);
}

TEST(BadHwx, TasksThatLeaveTheText) {
  const auto with_word = [](uint64_t offset_in_task, uint32_t word) {
    File file = sample_file::make(Dialect::B, sample_file::Constants::Tiled);
    std::memcpy(file.text.data() + offset_in_task, &word, sizeof word);
    return write(file);
  };
  EXPECT_THROW(with_word(7 * 4, 0x1000), Error);               // next task behind the end
  EXPECT_THROW(with_word(0x300 + 7 * 4, 0x300), Error);        // a loop
  EXPECT_THROW(with_word(0x28, 63u << 26 | 0x1f800), Error);   // a record that eats its neighbours
  EXPECT_THROW(with_word(0x254, 63u << 26 | 0x17800), Error);  // a record past the end of the task
}

TEST(BadHwx, SurfacesLargerThanTheirMemory) {
  const Bytes good = sample_bytes();
  const Container container = parse(good, "good.hwx");
  for (const Thread& thread : container.threads) {
    if (thread.kind != static_cast<uint32_t>(ThreadKind::Tensor)) continue;
    for (const uint32_t field : {tensor_thread::n, tensor_thread::c, tensor_thread::h, tensor_thread::w})
      for (const uint32_t value : {0u, 0x1000u, 0x7fffffffu, 0xffffffffu}) {
        Bytes bytes = good;
        put(bytes, thread.offset + field, value);
        EXPECT_THROW(read(bytes, "bad.hwx"), Error) << field << " " << value;
      }
    for (const uint32_t field :
         {tensor_thread::row_stride, tensor_thread::plane_stride, tensor_thread::batch_stride}) {
      Bytes bytes = good;
      put<uint64_t>(bytes, thread.offset + field, ~0ull);
      EXPECT_THROW(read(bytes, "bad.hwx"), Error) << field;
    }
  }
}

TEST(BadHwx, RandomBytesBehindTheMagic) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Bytes bytes(random() % 4096 + 4);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    std::memcpy(bytes.data(), &magic, sizeof magic);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error);
  }
}

// Words of the commands replaced by extreme values: an Error or a file that can be used.
TEST(BadHwx, DamagedWordsDoNoHarm) {
  const uint32_t extremes[] = {0, 0x7fffffff, 0xffffffff};
  for (const Dialect dialect : {Dialect::A, Dialect::D}) {
    const Bytes good = sample_bytes(dialect);
    uint32_t command_bytes = 0;
    std::memcpy(&command_bytes, good.data() + 0x14, 4);
    for (uint64_t offset = 0; offset < 0x20u + command_bytes; offset += 4)
      for (const uint32_t value : extremes) {
        Bytes bytes = good;
        put(bytes, offset, value);
        try {
          read_and_use(bytes);
        } catch (const Error&) {
        }
      }
  }
}

}  // namespace
}  // namespace ane::hwx
