// The form of .oracle files, and what is refused in them.
#include <gtest/gtest.h>

#include "base/error.h"
#include "oracle/sample.h"

namespace ane::oracle {
namespace {

TEST(Capture, LinesTasksAndWords) {
  const Capture capture = parse_capture(
      "case one\nconst size=4 sha256=ab\ntensor in x\n\ntask 0 bytes=48\n  h 00000001 deadbeef\n  @1f800 "
      "00000002\n",
      "one.oracle", "one");
  EXPECT_EQ(value_of(capture.line("const"), "sha256"), "ab");
  EXPECT_EQ(value_of(capture.line("const"), "sha"), "");
  EXPECT_EQ(capture.line("mil"), "");
  EXPECT_EQ(capture.tensors, std::vector<std::string>{"tensor in x"});
  ASSERT_EQ(capture.tasks.size(), 1u);
  EXPECT_EQ(capture.tasks[0].bytes, 48u);
  EXPECT_EQ(capture.tasks[0].header, (std::vector<uint32_t>{1, 0xdeadbeef}));
  EXPECT_EQ(capture.tasks[0].records.at(0).address, 0x1f800u);
  // Header, then the word that opens the record: its count less 1 above the address.
  EXPECT_EQ(stream_of(capture), (Bytes{1, 0, 0, 0, 0xef, 0xbe, 0xad, 0xde, 0, 0xf8, 1, 0, 2, 0, 0, 0}));
}

TEST(Capture, BadLinesAreNamed) {
  const std::string task = "task 0 bytes=8\n  h 00000001\n";
  const std::vector<std::pair<std::string, std::string>> damage{
      {"", "holds no task words"},
      {"case one\nmil x\n", "holds no task words"},
      {"  h 00000001\n", "line 1: words before the first task"},
      {"  @1f800 00000001\n", "line 1: words before the first task"},
      {"task 0 bytes=\n", "line 1: '' is not"},
      {"task 0 bytes=99999999999\n", "line 1: '99999999999' is not"},
      {"task 0 bytes=8\n", "without its header"},
      {"task 0 bytes=8\n  h 0000000g\n", "line 2: '0000000g' is not"},
      {"task 0 bytes=8\n  h 123456789\n", "line 2: '123456789' is not"},
      {task + "  @zz 00000000\n", "line 3: 'zz' is not"},
      {task + "  @1f800\n", "line 3: holds no words"},
      {task + "  @1f800" +
           [] {
             std::string words;
             for (int i = 0; i < 65; ++i) words += " 00000000";
             return words;
           }() +
           "\n",
       "line 3: holds no words, or more"},
      {"mil " + std::string(20000, 'x') + "\n", "line 1: is longer"}};
  for (const auto& [text, part] : damage) {
    try {
      parse_capture(text, "one.oracle", "one");
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace ane::oracle
