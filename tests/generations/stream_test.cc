// Sequential task streams made by hand, the published words of H17, and damage.
#include "generations/stream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.h"
#include "generations/registers.h"
#include "support/later_container.h"

namespace ane::generations {
namespace {

const Generation& named(const char* name) {
  return *by_name(name);
}

// Header words before the records, then these; the size is filled in.
std::vector<uint32_t> task(const Generation& generation, uint32_t id, const std::vector<uint32_t>& records,
                           bool extra = false) {
  std::vector<uint32_t> words(generation.header_words + (extra ? 1 : 0));
  words[generation.header_words - 1] = extra ? 3 : 1;
  words.insert(words.end(), records.begin(), records.end());
  words[0] = static_cast<uint32_t>(words.size()) << 16 | id;
  return words;
}

Stream decode_h14(const Bytes& text) {
  return decode(named("H14"), text, 0, "test");
}

constexpr uint32_t dense(uint32_t address, uint32_t count) {
  return address / 4 | (count - 1) << 15;
}
constexpr uint32_t scatter(uint32_t address, uint32_t mask) {
  return address / 4 | mask << 15 | 1u << 31;
}
constexpr uint32_t with_slot(uint32_t word, uint32_t slot) {
  return word | 1u << 29 | slot << 23;
}

TEST(Stream, RecordsWriteWhatTheirWordSays) {
  const Stream stream = decode_h14(test::sequential_text({task(
      named("H14"), 0,
      {dense(0x500, 2), 10, 11, scatter(0x0c, 0x8001), 20, 21, 22, with_slot(dense(0x1110, 1), 6), 30})}));
  ASSERT_EQ(stream.tasks.size(), 1u);
  const std::vector<Record>& records = stream.tasks[0].records;
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].writes, (std::vector<Write>{{0x500, 10}, {0x504, 11}}));
  EXPECT_EQ(records[1].writes, (std::vector<Write>{{0x0c, 20}, {0x10, 21}, {0x4c, 22}}));  // bits 0 and 15
  EXPECT_EQ(records[2].writes, (std::vector<Write>{{0x1110, 30}}));
  EXPECT_FALSE(records[0].slot);
  EXPECT_FALSE(records[1].slot);  // bit 29 of a scatter word belongs to its mask
  EXPECT_EQ(records[2].slot, 6u);
}

TEST(Stream, LargestRecords) {
  std::vector<uint32_t> records = {dense(0x1900, 64)};
  records.resize(65, 7);
  records.push_back(scatter(0x500, 0xffff));
  records.resize(65 + 18, 8);
  const Stream stream = decode_h14(test::sequential_text({task(named("H14"), 0, records)}));
  ASSERT_EQ(stream.tasks[0].records.size(), 2u);
  EXPECT_EQ(stream.tasks[0].records[0].writes.back(), (Write{0x1900 + 63 * 4, 7}));
  EXPECT_EQ(stream.tasks[0].records[1].writes.back(), (Write{0x500 + 16 * 4, 8}));
}

TEST(Stream, TasksFollowAtMultiplesOf16AndEmptyUnitsAreSkipped) {
  const Generation& h14 = named("H14");
  Bytes text = test::sequential_text({task(h14, 0, {dense(0, 1), 1}), task(h14, 1, {dense(0, 1), 2}, true)});
  text.resize(text.size() / 16 * 16 + 32);  // an empty unit behind the last task
  const Stream stream = decode_h14(text);
  ASSERT_EQ(stream.tasks.size(), 2u);
  EXPECT_EQ(stream.tasks[0].offset, 16u);
  EXPECT_EQ(stream.tasks[1].offset, 64u);  // 16 + 10 words = 56
  EXPECT_EQ(stream.tasks[0].header.size(), 8u);
  EXPECT_EQ(stream.tasks[1].header.size(), 9u);
  EXPECT_EQ(stream.tasks[1].words(), 11u);
}

// H16 to H18 have one word more, and the word that says whether another follows is the last one there, too.
TEST(Stream, HeadersOfEveryGeneration) {
  const std::pair<const char*, size_t> lengths[] = {
      {"H14", 8}, {"H15", 8}, {"H16", 9}, {"H17", 9}, {"H18", 9}};
  for (const auto& [name, length] : lengths)
    for (const bool extra : {false, true}) {
      const Stream stream =
          decode(named(name), test::sequential_text({task(named(name), 5, {0, 9}, extra)}), 0, name);
      EXPECT_EQ(stream.tasks.at(0).header.size(), length + extra) << name;
      EXPECT_EQ(stream.tasks[0].records.at(0).writes.at(0), (Write{0, 9})) << name;
    }
}

TEST(Stream, ARegisterMayBeWrittenTwice) {
  const Stream stream = decode_h14(test::sequential_text(
      {task(named("H14"), 0, {0x00000549, 0xdead, 0x00000549, 0xdead})}));  // as fillers are
  EXPECT_EQ(stream.tasks[0].records.size(), 2u);
  EXPECT_EQ(count_unknown(named("H14"), stream).bits, 0u);
}

TEST(Stream, WhatIsUnknownIsCounted) {
  const Generation& h14 = named("H14");
  std::vector<uint32_t> words = task(h14, 0,
                                     {dense(0x4, 1), 0x8000, dense(0x1178, 2), 0, 5, dense(0x3000, 1), 0,
                                      dense(0, 1) | 1u << 30 | 1u << 21 | 1u << 23, 0});
  words[2] = 1u << 24 | 8;  // above the event mask
  const Bytes text = test::sequential_text({words}, 1);
  const Stream stream = decode_h14(text);
  const Unknown unknown = count_unknown(h14, stream);
  EXPECT_EQ(unknown.bits, 1u + 1u + 3u);  // header, bit 15 of InDepth, three bits of a record word
  EXPECT_EQ(unknown.registers, 2u + 1u);  // two words of TileDMASrc without a name, one outside of all blocks
  EXPECT_EQ(unknown.loose, 1u);           // the frame
  ASSERT_EQ(stream.loose.size(), 1u);
  EXPECT_EQ(stream.loose[0].offset, 0u);
  EXPECT_EQ(stream.loose[0].value, 1u);
}

// The published words of an H17 activation (beefface docs/HWX_BYTE_MAP.md): header, the records at its start
// and the last one. The value behind 0xce is not published.
std::vector<uint32_t> h17_relu() {
  std::vector<uint32_t> words = {0,          0,          0x04000068, 0,          0x00fff868, 0,
                                 0,          0,          0x00050009, 0x00001540, 0x80,       0x00010001,
                                 1,          1,          0x40,       0x93618005, 1,          1,
                                 0x40,       0x00014000, 1,          0x00200000, 0,          0x00200000,
                                 0x80081342, 0xce,       0x40,       0x22001440, 0x01000021};
  words[0] = static_cast<uint32_t>(words.size()) << 16;
  return words;
}

TEST(Stream, PublishedWordsOfH17) {
  const Generation& h17 = named("H17");
  const Stream stream = decode(h17, test::sequential_text({h17_relu()}, 1), 0, "relu");
  ASSERT_EQ(stream.tasks.size(), 1u);
  const auto value = [&](const char* block, const char* reg, const char* field) {
    const Register* found = registers(h17).find(block, reg);
    for (const Record& record : stream.tasks[0].records)
      for (const Write& write : record.writes)
        if (write.address == found->address) return found->find(field)->get(write.value);
    return ~0u;
  };
  // 1x64x1x1 in and out, on 16 engines.
  EXPECT_EQ(value("Common", "InWidth", "Win"), 1u);
  EXPECT_EQ(value("Common", "InHeight", "Hin"), 1u);
  EXPECT_EQ(value("Common", "InChannels", "Cin"), 64u);
  EXPECT_EQ(value("Common", "OutWidth", "Wout"), 1u);
  EXPECT_EQ(value("Common", "OutHeight", "Hout"), 1u);
  EXPECT_EQ(value("Common", "OutChannels", "Cout"), 64u);
  EXPECT_EQ(value("Common", "UnicastCfg", "UnicastEn"), 1u);
  EXPECT_EQ(value("Common", "MacCfg", "ActiveNE"), 4u);
  EXPECT_EQ(value("KernelDMASrc", "MasterConfig", "LastTask"), 1u);
  EXPECT_EQ(value("TileDMASrc", "Src1ChannelStride", "Stride"), 1u);  // 64 bytes
  EXPECT_EQ(value("TileDMADst", "DstDMAConfig", "Enable"), 1u);
  EXPECT_EQ(stream.tasks[0].records.back().slot, 4u);
  // Bit 26 of the event word, bit 21 of NID (the frame's 1 is loose).
  EXPECT_EQ(count_unknown(h17, stream).bits, 2u);
  EXPECT_EQ(count_unknown(h17, stream).registers, 0u);
  EXPECT_EQ(count_unknown(h17, stream).loose, 1u);
}

// ------------------------------------------------------------------------------------------------ damage

Bytes sound_text() {
  const Generation& h14 = named("H14");
  return test::sequential_text({task(h14, 0, {dense(0x500, 3), 1, 2, 3, scatter(0, 5), 4, 5, 6}),
                                task(h14, 1, {with_slot(dense(0x1110, 2), 4), 0, 0}, true)});
}

void put_word(Bytes& bytes, size_t offset, uint32_t word) {
  ASSERT_LE(offset + sizeof word, bytes.size());
  std::memcpy(bytes.data() + offset, &word, sizeof word);
}

TEST(BadStream, EveryTruncationInsideATaskIsAnError) {
  const Bytes text = sound_text();
  const size_t first_end = 16 + 4 * 16, second = 80;
  for (size_t size = 0; size < text.size(); ++size) {
    const Bytes cut(text.begin(), text.begin() + static_cast<ptrdiff_t>(size));
    if (size >= first_end && size <= second && size % 4 == 0)
      EXPECT_EQ(decode_h14(cut).tasks.size(), 1u) << size;  // between the tasks
    else
      EXPECT_THROW(decode_h14(cut), Error) << size;
  }
}

TEST(BadStream, NoTaskAtAll) {
  EXPECT_THROW(decode_h14({}), Error);
  EXPECT_THROW(decode_h14(Bytes(16)), Error);
  EXPECT_THROW(decode_h14(Bytes(0x4000)), Error);
}

TEST(BadStream, TasksShorterThanTheirHeader) {
  for (const char* name : {"H14", "H15", "H16", "H17", "H18"})
    for (uint32_t words = 1; words < named(name).header_words; ++words) {
      Bytes text(16 + 64);
      put_word(text, 16, words << 16);
      EXPECT_THROW(decode(named(name), text, 0, "test"), Error) << name << words;
    }
  Bytes no_room(16 + 32);  // eight words, and one more promised
  put_word(no_room, 16, 8u << 16);
  put_word(no_room, 16 + 28, 2);
  EXPECT_THROW(decode_h14(no_room), Error);
}

TEST(BadStream, TasksPastTheEnd) {
  Bytes text = sound_text();
  for (const uint32_t words : {17u, 21u, 0x7ffu}) {
    Bytes bad = text;
    put_word(bad, 16, words << 16);
    EXPECT_THROW(decode_h14(bad), Error) << words;
  }
}

// The word of a record asks for more than its task holds.
TEST(BadStream, RecordsPastTheirTask) {
  const size_t first_record = 16 + 32;
  for (const uint32_t word :
       {dense(0x500, 8), dense(0x500, 64), scatter(0x500, 0xffff), scatter(0x500, 0x7f)}) {
    Bytes bad = sound_text();
    put_word(bad, first_record, word);
    EXPECT_THROW(decode_h14(bad), Error) << std::hex << word;
  }
  // A record word that is the last word of its task has no values.
  EXPECT_THROW(decode_h14(test::sequential_text({task(named("H14"), 0, {dense(0, 1)})})), Error);
}

// Records of H13 name byte addresses; read as such, H14 words leave their task, and the other way round.
TEST(BadStream, TasksOfAnotherGeneration) {
  EXPECT_THROW(decode(h13(), sound_text(), 157, "test"), Error);
}

TEST(BadStream, RandomDamageDoesNoHarm) {
  std::mt19937 engine(3);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  const Bytes text = sound_text();
  size_t decoded = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes bad = text;
    for (uint32_t hits = 1 + random() % 3; hits > 0; --hits)
      put_word(bad, random() % (text.size() / 4) * 4, random());
    for (const Generation& generation : all()) try {
        const Stream stream = decode(generation, bad, 21, "damaged");
        size_t words = stream.loose.size();
        for (const Task& sound : stream.tasks) words += sound.words();
        EXPECT_LE(words, text.size() / 4);
        count_unknown(generation, stream);
        ++decoded;
      } catch (const Error&) {
      }
  }
  EXPECT_GT(decoded, 0u);
}

}  // namespace
}  // namespace ane::generations
