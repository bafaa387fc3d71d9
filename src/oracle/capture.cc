#include "oracle/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace ane::oracle {

namespace {

// The longest line of a public capture has 967 characters. The bound also keeps what reads these lines by
// regular expressions, which take stack by the character, on the safe side.
constexpr size_t longest_line = 4096;
constexpr size_t most_record_words = 64;  // a record's opening word counts them in 6 bits

class Parser {
 public:
  Parser(const std::string& file, const std::string& name) {
    capture_.file = file;
    capture_.name = name;
  }

  void line(const std::string& text) {
    ++number_;
    if (text.size() > longest_line) fail("is longer than 4096 characters");
    std::istringstream in(text);
    std::string key;
    if (!(in >> key)) return;
    if (text.starts_with("  h "))
      last_task().header = words(in);
    else if (text.starts_with("  @"))
      last_task().records.push_back({number(key.substr(1), 16), words(in)});
    else if (key == "task")
      capture_.tasks.push_back({number(value_of(text, "bytes"), 10), {}, {}});
    else if (key == "tensor")
      capture_.tensors.push_back(text);
    else
      capture_.lines[key] = text;
  }

  Capture take() {
    for (const CaptureTask& task : capture_.tasks)
      if (task.header.empty()) throw Error(capture_.file, "", "a task without its header line (\"  h ...\")");
    if (capture_.tasks.empty())
      throw Error(capture_.file, "", "holds no task words", "give a captured program (.oracle)");
    return std::move(capture_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(capture_.file, fmt::format("line {}", number_), why);
  }

  uint32_t number(const std::string& digits, int base) const {
    uint32_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || error != std::errc() || stop != end)
      fail(fmt::format("'{}' is not a 32-bit number", digits.substr(0, 40)));
    return value;
  }

  std::vector<uint32_t> words(std::istringstream& in) const {
    std::vector<uint32_t> found;
    for (std::string word; in >> word;) found.push_back(number(word, 16));
    if (found.empty() || found.size() > most_record_words) fail("holds no words, or more than a record can");
    return found;
  }

  CaptureTask& last_task() {
    if (capture_.tasks.empty()) fail("words before the first task");
    return capture_.tasks.back();
  }

  Capture capture_;
  size_t number_ = 0;
};

}  // namespace

const std::string& Capture::line(const std::string& keyword) const {
  static const std::string none;
  const auto found = lines.find(keyword);
  return found == lines.end() ? none : found->second;
}

std::string value_of(const std::string& line, const std::string& key) {
  std::istringstream in(line);
  for (std::string word; in >> word;)
    if (word.starts_with(key + "=")) return word.substr(key.size() + 1);
  return "";
}

Capture parse_capture(std::string_view text, const std::string& file, const std::string& name) {
  Parser parser(file, name);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    parser.line(std::string(text.substr(at, end - at)));
    at = end + 1;
  }
  return parser.take();
}

Capture read_capture(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  return parse_capture(mapped.text(), mapped.name(), file.stem().string());
}

std::vector<std::filesystem::path> capture_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".oracle") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

Bytes stream_of(const Capture& capture) {
  ByteWriter text;
  for (const CaptureTask& task : capture.tasks) {
    text.align(0x100);
    for (const uint32_t word : task.header) text.u32(word);
    for (const CaptureRecord& record : task.records) {
      text.u32((record.words.size() - 1) << 26 | record.address);
      for (const uint32_t word : record.words) text.u32(word);
    }
  }
  return text.take();
}

}  // namespace ane::oracle
