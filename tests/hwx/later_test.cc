// Containers of H14 and later (support/later_container.h): what is read, what is refused, damage.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "base/error.h"
#include "generations/stream.h"
#include "hwx/container.h"
#include "hwx/sample.h"
#include "support/later_oracle.h"

namespace ane::hwx {
namespace {

test::LaterProgram plain(uint32_t subtype) {
  return test::later_program(subtype, generations::by_subtype(subtype)->header_words);
}

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Later, EveryGenerationIsRead) {
  for (const uint32_t subtype : {5u, 6u, 7u, 9u, 10u}) {
    const test::LaterProgram program = plain(subtype);
    const File file = read(program.build(), "later.hwx");
    EXPECT_EQ(file.cpu_subtype, subtype);
    EXPECT_EQ(file.network, "main");
    EXPECT_EQ(file.text, program.text);
    EXPECT_TRUE(file.constants.empty());  // 0x4000 zeros
    EXPECT_EQ(file.text_address, 0x30008000u);
    EXPECT_EQ(file.const_address, 0x30008040u);
    ASSERT_EQ(file.surfaces.size(), 2u);
    EXPECT_EQ(file.surfaces[0].slot, 6u);
    EXPECT_EQ(file.surfaces[1].slot, 7u);
    EXPECT_EQ(file.surfaces[1].symbol, "y@output");
    EXPECT_EQ(file.figures.tasks, 1u);
    EXPECT_EQ(file.figures.text_words, program.text.size() / 4);
    EXPECT_EQ(file.figures.event_bits, 0x11u);
    ASSERT_EQ(file.figures.tags.size(), 1u);
    EXPECT_EQ(file.figures.tags[0].number, 9u);
    EXPECT_EQ(file.figures.tags[0].value, Bytes(8));
  }
}

// The end of the program thread as published for H17: two tags, the name at +0x898.
TEST(Later, TwoTagsAsInThePublishedH17Program) {
  test::LaterProgram program = plain(9);
  program.tail = {0,     0, 4,          0x41, 0, 0, 1,    0, 0xffffffff, 0xffffffff, 0, 0xffff,
                  0x898, 0, 0,          0,    0, 0, 0x10, 0, 4,          0,          2, 0,
                  7,     8, 0x461c4000, 0,    9, 8, 0,    0, 0x0074656e, 0};
  const File file = read(program.build(), "later.hwx");
  EXPECT_EQ(file.network, "net");
  EXPECT_EQ(file.figures.text_words, 0x41u);
  ASSERT_EQ(file.figures.tags.size(), 2u);
  EXPECT_EQ(file.figures.tags[0].number, 7u);
  EXPECT_EQ(file.figures.tags[0].value, (Bytes{0, 0x40, 0x1c, 0x46, 0, 0, 0, 0}));
  EXPECT_EQ(file.figures.tags[1].number, 9u);
}

TEST(Later, CoefficientsInTheirOwnSegment) {
  test::LaterProgram program = plain(7);
  program.kernel = Bytes(0x5000, 0x3c);
  program.kernel_slot = 8;
  const File file = read(program.build(), "later.hwx");
  ASSERT_EQ(file.kernels.size(), 1u);
  EXPECT_EQ(file.kernels[0].name, "__KERN_0");
  EXPECT_EQ(file.kernels[0].bytes, program.kernel);
  EXPECT_EQ(file.kernels[0].address, file.slots[8]);
}

// Addresses of the captured programs follow from their surfaces by the order of the memory.
TEST(Later, CapturedH14ProgramsKeepTheirAddresses) {
  ANE_NEED_EVIDENCE("oracles/h14");
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const test::LaterProgram program = test::later_program_of(oracle);
    const File file = read(program.build(), oracle.name);
    const std::string& line = oracle.lines.at("program");
    EXPECT_EQ(file.text_address, std::stoul(test::value_of(line, "text"), nullptr, 16)) << oracle.name;
    EXPECT_EQ(file.const_address, std::stoul(test::value_of(line, "const"), nullptr, 16)) << oracle.name;
    EXPECT_EQ(std::to_string(*file.figures.text_words), test::value_of(line, "text_words")) << oracle.name;
    EXPECT_EQ(file.figures.tasks, oracle.tasks.size()) << oracle.name;
    EXPECT_EQ(file.scratch_bytes, program.scratch_bytes) << oracle.name;
    if (file.scratch_bytes) {
      EXPECT_EQ(file.scratch_figure, file.scratch_bytes) << oracle.name;
    }
    for (const Surface& surface : file.surfaces)
      EXPECT_EQ(surface.binding, "slot" + std::to_string(surface.slot));
    EXPECT_EQ(file.slots[4], test::list_in(line, "slots", 16)[4]) << oracle.name;
  }
}

TEST(Later, OnlyH13IsWritten) {
  for (const uint32_t subtype : {5u, 6u, 7u, 9u, 10u}) {
    const File file = read(plain(subtype).build(), "later.hwx");
    const std::string title = generations::title(*generations::by_subtype(subtype));
    for (const std::string& message :
         {refusal([&] { write(file); }), refusal([&] { require_h13(file, "the simulator"); })}) {
      EXPECT_NE(message.find(title), std::string::npos) << message;
      EXPECT_NE(message.find("not for H13 (A14, M1)"), std::string::npos) << message;
      EXPECT_TRUE(message.starts_with("later.hwx: header: ")) << message;
    }
  }
  require_h13(sample_file::make(Dialect::B, sample_file::Constants::None), "nobody");
}

// H11 and H12 are taken to be like H13.
TEST(Later, EarlierGenerationsAreReadLikeH13) {
  const Bytes h13 = write(sample_file::make(Dialect::B, sample_file::Constants::Tiled));
  for (const uint32_t subtype : {1u, 3u}) {
    Bytes bytes = h13;
    std::memcpy(bytes.data() + 8, &subtype, sizeof subtype);
    const File file = read(bytes, "earlier.hwx");
    EXPECT_EQ(file.text, read(h13, "h13.hwx").text);
    EXPECT_EQ(file.tiles.size(), 2u);
    EXPECT_NE(refusal([&] { write(file); }), "");
  }
}

// ------------------------------------------------------------------------------------------------ damage

template <typename T>
void put(Bytes& bytes, uint64_t offset, T value) {
  ASSERT_LE(offset + sizeof value, bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

uint64_t program_offset(const Bytes& bytes) {
  for (const Thread& thread : parse(bytes, "good.hwx").threads)
    if (thread.kind == 4) return thread.offset;
  ADD_FAILURE() << "no program thread";
  return 0;
}

TEST(BadLater, TruncatedAnywhere) {
  const Bytes bytes = plain(5).build();
  for (size_t size = 0; size < bytes.size(); size += 256)
    EXPECT_THROW(read(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)), "bad.hwx"), Error)
        << size;
}

TEST(BadLater, ThreadKindsOfTheOtherGenerations) {
  Bytes h13 = plain(5).build();
  put<uint32_t>(h13, 8, 4);  // a program thread of kind 4 says nothing of an H13 program
  EXPECT_NE(refusal([&] { read(h13, "bad.hwx"); }).find("no program thread"), std::string::npos);
  Bytes unknown = plain(5).build();
  put<uint32_t>(unknown, program_offset(unknown) + 8, 2);
  EXPECT_THROW(read(unknown, "bad.hwx"), Error);
}

TEST(BadLater, TagsPastTheEndOfTheirThread) {
  const Bytes good = plain(5).build();
  const uint64_t thread = program_offset(good);
  for (const uint32_t count : {3u, 0x7fffffffu, 0xffffffffu}) {
    Bytes bytes = good;
    put(bytes, thread + 0x870, count);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error) << count;
  }
  for (const uint32_t length : {0x11u, 0x7fffffffu, 0xfffffff8u, 0xffffffffu}) {
    Bytes bytes = good;
    put(bytes, thread + 0x87c, length);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error) << length;
  }
}

TEST(BadLater, AThreadThatEndsBeforeItsTags) {
  test::LaterProgram program = plain(5);
  for (const size_t words : {size_t{0}, size_t{12}, size_t{23}}) {
    program.tail.resize(words);
    EXPECT_THROW(read(program.build(), "bad.hwx"), Error) << words;
  }
}

TEST(BadLater, NamesOutsideOfTheirThread) {
  const Bytes good = plain(5).build();
  for (const uint32_t offset : {0x890u, 0x7fffffffu, 0xffffffffu}) {
    Bytes bytes = good;
    put(bytes, program_offset(good) + 0x848, offset);
    EXPECT_THROW(read(bytes, "bad.hwx"), Error) << offset;
  }
}

TEST(BadLater, SurfacesWithoutASlot) {
  test::LaterProgram program = plain(5);
  const Bytes good = program.build();
  Bytes bytes = good;
  put<uint64_t>(bytes, program_offset(good) + 0x10 + 16 * 6, 0);
  EXPECT_THROW(read(bytes, "bad.hwx"), Error);
}

// Many segments of coefficients that name the same bytes would need a multiple of the file's memory.
TEST(BadLater, CoefficientsThatOverlap) {
  test::LaterProgram program = plain(7);
  program.kernel = Bytes(0x8000, 1);
  EXPECT_EQ(read(program.build(), "good.hwx").kernels.size(), 1u);
  program.kernel_segments = 40;
  EXPECT_NE(refusal([&] { read(program.build(), "bad.hwx"); }).find("larger than the file"),
            std::string::npos);
}

TEST(BadLater, DamagedWordsDoNoHarm) {
  test::LaterProgram program = plain(9);
  program.kernel = Bytes(0x100, 1);
  program.kernel_slot = 8;
  program.scratch_bytes = 0x100;
  const Bytes good = program.build();
  uint32_t command_bytes = 0;
  std::memcpy(&command_bytes, good.data() + 0x14, 4);
  size_t sound = 0;
  for (uint64_t offset = 0; offset < 0x20u + command_bytes; offset += 4)
    for (const uint32_t value : {0u, 4u, 0x7fffffffu, 0xffffffffu}) {
      Bytes bytes = good;
      put(bytes, offset, value);
      try {
        const File file = read(bytes, "bad.hwx");
        generations::decode(*generations::by_subtype(file.cpu_subtype), file.text, file.first_task_words,
                            file.name);
        ++sound;
      } catch (const Error&) {
      }
    }
  EXPECT_GT(sound, 0u);
}

}  // namespace
}  // namespace ane::hwx
