// Tasks made by hand: fields, the links that encoding fills in, and damage.
#include "h13/task.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.h"

namespace ane::h13 {
namespace {

Task plain_task(Layout layout) {
  Task task;
  task.set_records(records_of(layout));
  return task;
}

std::vector<Task> three_tasks() {
  std::vector<Task> tasks = {plain_task(Layout::Short), plain_task(Layout::Full), plain_task(Layout::Full)};
  tasks[0][Reg::InDim] = 0x00080010;
  tasks[1][Reg::CoeffBaseAddr0 + 15] = 0x40;
  tasks[2].set(HeaderField::TDE, 1);
  tasks[2].set(HeaderField::DTID, 1);
  return tasks;
}

void put_word(Bytes& bytes, size_t offset, uint32_t word) {
  std::memcpy(bytes.data() + offset, &word, sizeof word);
}

TEST(Task, FieldsTakeTheirBitsOnly) {
  Task task;
  task.set(Field::ConvCfg_Kh, 3);
  task.set(Field::ConvCfg_Oy, 1);
  EXPECT_EQ(task[Reg::ConvCfg], 0x40000060u);
  task.set(Field::ConvCfg_Kh, 0);
  EXPECT_EQ(task[Reg::ConvCfg], 0x40000000u);
  EXPECT_EQ(task.get(Field::ConvCfg_Oy), 1u);
  EXPECT_THROW(task.set(Field::ConvCfg_Kh, 32), InternalError);
  task.set(HeaderField::WBase, 31);
  EXPECT_EQ(task.header[8], 0x1f000u);
  task.set(Field::FinalScale_FinalScale, 0xffffffffu);
  EXPECT_EQ(task[Reg::FinalScale], 0xffffffffu);
}

TEST(Task, ByteFieldsKeepTheirLowBitsOutside) {
  Task task;
  task.set_bytes(Field::DstRowStride_Stride, 0x1040);
  EXPECT_EQ(task[Reg::DstRowStride], 0x1040u);
  EXPECT_EQ(task.bytes(Field::DstRowStride_Stride), 0x1040u);
  EXPECT_THROW(task.set_bytes(Field::DstRowStride_Stride, 0x1020), InternalError);
  EXPECT_THROW(task.set_bytes(Field::DstRowStride_Stride, -64), InternalError);
  EXPECT_THROW(task.set_bytes(Field::SourceBase_Addr, 2 << 20), InternalError);
}

// 126 words = 0x1f8 -> next at 0x200; 157 words = 0x274 -> next 0x300 behind; an extra header word makes 158.
TEST(Task, EncodingLinksTheTasks) {
  std::vector<Task> tasks = three_tasks();
  const Bytes text = encode_tasks(tasks);
  EXPECT_EQ(text.size(), 0x500u + 158 * 4);
  EXPECT_EQ(tasks[1].offset, 0x200u);
  EXPECT_EQ(tasks[2].offset, 0x500u);
  const uint32_t names[] = {0x00000000, 0x01000001, 0x03000002};
  const uint32_t sizes[] = {156u << 16, 157u << 16, 0}, pointers[] = {0x200, 0x500, 0};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(tasks[i].header[0], names[i]);
    EXPECT_EQ(tasks[i].header[1], sizes[i]);
    EXPECT_EQ(tasks[i].header[7], pointers[i]);
    EXPECT_EQ(tasks[i].get(HeaderField::TBE), i < 2 ? 1u : 0u);
  }
  EXPECT_EQ(offset_in_stream(tasks[1], Reg::CoeffBaseAddr0), 0x200u + 0x74);
  EXPECT_EQ(offset_in_stream(tasks[2], Reg::CoeffBaseAddr0), 0x500u + 0x78);
  EXPECT_THROW(offset_in_stream(tasks[0], Reg::CoeffBaseAddr0), InternalError);
}

TEST(Task, DecodingGivesBackWhatWasEncoded) {
  std::vector<Task> tasks = three_tasks();
  tasks[1].records.push_back({0x2a000, 3});  // a block that the table lacks
  tasks[1].unknown = {{0x2a000, 7}, {0x2a004, 8}, {0x2a008, 9}};
  const Bytes text = encode_tasks(tasks);
  std::vector<Task> back = decode_tasks(text, 126, "test");
  ASSERT_EQ(back.size(), tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(back[i].header, tasks[i].header);
    EXPECT_EQ(back[i].registers, tasks[i].registers);
    EXPECT_EQ(back[i].written, tasks[i].written);
    EXPECT_EQ(back[i].records, tasks[i].records);
    EXPECT_EQ(back[i].unknown, tasks[i].unknown);
    EXPECT_EQ(back[i].offset, tasks[i].offset);
  }
  EXPECT_EQ(encode_tasks(back), text);
}

TEST(BadTask, EveryTruncationIsAnError) {
  std::vector<Task> tasks = three_tasks();
  const Bytes text = encode_tasks(tasks);
  for (size_t size = 0; size < text.size(); size += 4)
    EXPECT_THROW(decode_tasks(ByteSpan(text).first(size), 126, "test"), Error) << size;
}

TEST(BadTask, LoopsAndOverlapsAreErrors) {
  std::vector<Task> tasks = three_tasks();
  const Bytes text = encode_tasks(tasks);
  for (const uint32_t pointer : {0x200u, 0x100u, 0x1fcu, 0x4fcu, 0x501u, 0x10000u, 0xffffff00u}) {
    Bytes bad = text;
    put_word(bad, 0x200 + 7 * 4, pointer);
    EXPECT_THROW(decode_tasks(bad, 126, "test"), Error) << std::hex << pointer;
  }
}

TEST(BadTask, RecordsMustStayInsideTheirTask) {
  std::vector<Task> tasks = {plain_task(Layout::Full)};
  const Bytes text = encode_tasks(tasks);
  const size_t last_record = 0x254;  // of the 7 destination registers, from the table of the full layout
  Bytes longer = text;
  put_word(longer, last_record, 7u << 26 | 0x17800);
  EXPECT_THROW(decode_tasks(longer, 157, "test"), Error);
  Bytes twice = text;
  put_word(twice, last_record, 6u << 26 | 0x00000);
  EXPECT_THROW(decode_tasks(twice, 157, "test"), Error);
}

TEST(BadTask, ImpossibleFirstSizesAreErrors) {
  std::vector<Task> tasks = {plain_task(Layout::Full)};
  const Bytes text = encode_tasks(tasks);
  for (const uint32_t words : {0u, 1u, 9u, 156u, 158u, 0x40000000u, 0xffffffffu})
    EXPECT_THROW(decode_tasks(text, words, "test"), Error) << words;
}

// Damaged streams either decode or are refused; what decodes can be encoded.
TEST(BadTask, RandomDamageDoesNoHarm) {
  std::mt19937 random(1);
  const auto word = [&] { return static_cast<uint32_t>(random()); };
  std::vector<Task> whole = three_tasks();
  const Bytes text = encode_tasks(whole);
  size_t decoded = 0;
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = text;
    for (uint32_t hits = 1 + word() % 4; hits > 0; --hits)
      put_word(bytes, word() % (text.size() / 4) * 4, word());
    try {
      std::vector<Task> tasks = decode_tasks(bytes, 126, "damaged");
      encode_tasks(tasks);
      ++decoded;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(decoded, 0u);
  EXPECT_LT(decoded, 3000u);
}

}  // namespace
}  // namespace ane::h13
