#include "mil/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace ane::mil {

namespace {

constexpr size_t longest_quotation = 40;  // of the text, in messages

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// How many bytes the character takes that begins with `lead`; 0: none begins so.
size_t length_of_character(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

// Well-formed UTF-8 (The Unicode Standard, table 3-7): what goes into reports must be text.
bool is_text(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const size_t length = length_of_character(lead);
    if (length == 0 || length > bytes.size() - i) return false;
    for (size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(bytes[i + k]) & 0xc0u) != 0x80) return false;
    const auto second = length > 2 ? static_cast<unsigned char>(bytes[i + 1]) : 0x90u;
    // Overlong forms, surrogates, and what lies above U+10FFFF.
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
      return false;
    i += length;
  }
  return true;
}

// The token's text fit for a message of one line.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, longest_quotation)) {
    const bool printable = c >= ' ' && c <= '~';
    out += printable ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return "'" + out + (text.size() > longest_quotation ? "...'" : "'");
}

}  // namespace

Lexer::Lexer(std::string_view text, const std::string& file) : text_(text), file_(file) {
  current_ = next();
  ahead_ = next();
}

Token Lexer::take() {
  Token left = current_;
  current_ = ahead_;
  if (ahead_.kind != Token::Kind::End) ahead_ = next();
  return left;
}

void Lexer::skip_space() {
  for (; position_ < text_.size() && is_space(text_[position_]); ++position_)
    if (text_[position_] == '\n') ++line_;
}

size_t Lexer::end_of_name(size_t from) const {
  while (from < text_.size() && (is_letter(text_[from]) || is_digit(text_[from]))) ++from;
  return from;
}

// As far as a number can reach; the reader judges whether it is one.
size_t Lexer::end_of_number(size_t from) const {
  size_t end = from + (text_[from] == '-' ? 1 : 0);
  const bool hexadecimal = text_.substr(end).starts_with("0x") || text_.substr(end).starts_with("0X");
  const auto marks_exponent = [&](char c) { return (c | 0x20) == (hexadecimal ? 'p' : 'e'); };
  for (; end < text_.size(); ++end) {
    const char c = text_[end];
    const bool sign = (c == '+' || c == '-') && end > from && marks_exponent(text_[end - 1]);
    if (!is_letter(c) && !is_digit(c) && c != '.' && !sign) break;
  }
  return end;
}

size_t Lexer::end_of_string(size_t from) const {
  for (size_t i = from + 1; i < text_.size(); ++i) {
    if (text_[i] == '"') return i + 1;
    if (text_[i] == '\\') ++i;
  }
  return text_.npos;
}

Token Lexer::cut(Token::Kind kind, size_t end) {
  const Token token{.kind = kind, .text = text_.substr(position_, end - position_), .line = line_};
  if (kind == Token::Kind::String)
    line_ += static_cast<int>(std::count(token.text.begin(), token.text.end(), '\n'));
  position_ = end;
  return token;
}

Token Lexer::next() {
  skip_space();
  if (position_ == text_.size()) return cut(Token::Kind::End, position_);
  const char c = text_[position_];
  const std::string_view rest = text_.substr(position_);
  if (is_letter(c)) return cut(Token::Kind::Name, end_of_name(position_));
  if (rest.starts_with("->")) return cut(Token::Kind::Arrow, position_ + 2);
  if (is_digit(c) || c == '-') return cut(Token::Kind::Number, end_of_number(position_));
  const Token mark{.kind = Token::Kind::Mark, .text = rest.substr(0, 1), .line = line_};
  if (c == '"') {
    const size_t end = end_of_string(position_);
    if (end == text_.npos) fail(mark, "a string begins here that does not end");
    return cut(Token::Kind::String, end);
  }
  if (rest.starts_with("//") || rest.starts_with("/*") || c == '#')
    fail(mark, "comments are not part of MIL text", "remove it");
  if (std::string_view("()[]{}<>,=;?").find(c) == std::string_view::npos)
    fail(mark, fmt::format("{} has no place in MIL text", quoted(mark.text)));
  return cut(Token::Kind::Mark, position_ + 1);
}

std::string Lexer::string_of(const Token& token) const {
  std::string out;
  const std::string_view inside = token.text.substr(1, token.text.size() - 2);
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\') {
      ++i;  // the lexer took two characters, so there is one
      if (inside[i] != '"' && inside[i] != '\\')
        fail(token, fmt::format("a string has the unknown escape {}", quoted(inside.substr(i - 1, 2))),
             "known are \\\" and \\\\");
    }
    out += inside[i];
  }
  if (!is_text(out)) fail(token, "a string is not UTF-8");
  return out;
}

// The column is looked for only here: in bytes, from 1.
void Lexer::fail(const Token& token, const std::string& why, const std::string& remedy) const {
  const auto offset = static_cast<size_t>(token.text.data() - text_.data());
  const size_t newline = text_.substr(0, offset).rfind('\n');
  const size_t column = newline == text_.npos ? offset + 1 : offset - newline;
  throw Error(file_, fmt::format("line {}, column {}", token.line, column), why, remedy);
}

void Lexer::expected(const Token& token, std::string_view what) const {
  fail(token, fmt::format("expected {}, found {}", what,
                          token.kind == Token::Kind::End ? "the end of the file" : quoted(token.text)));
}

}  // namespace ane::mil
