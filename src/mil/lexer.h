// Tokens of a textual MIL program.
//
// White space is free everywhere; comments are not known. Tokens are views of the text, cut while the reader
// asks for them, so that a program of many megabytes needs no list of tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ane::mil {

struct Token {
  enum class Kind : uint8_t { End, Name, Number, String, Arrow, Mark } kind = Kind::End;
  std::string_view text;  // String: with its quotes
  int line = 1;           // from 1

  bool is(char mark) const { return kind == Kind::Mark && text[0] == mark; }
  bool is(std::string_view word) const { return kind == Kind::Name && text == word; }
};

class Lexer {
 public:
  // `text` must outlive all tokens; `file` is for messages.
  Lexer(std::string_view text, const std::string& file);

  const Token& current() const { return current_; }
  const Token& ahead() const { return ahead_; }  // the one after it
  // Goes on to the next token; the result is the one left behind.
  Token take();

  // What a string token stands for.
  std::string string_of(const Token& token) const;

  // Error at `token`: "line 3, column 14: WHY".
  [[noreturn]] void fail(const Token& token, const std::string& why, const std::string& remedy = "") const;
  // "expected WHAT, found TOKEN"
  [[noreturn]] void expected(const Token& token, std::string_view what) const;

 private:
  Token next();
  void skip_space();
  size_t end_of_name(size_t from) const;
  size_t end_of_number(size_t from) const;
  size_t end_of_string(size_t from) const;
  Token cut(Token::Kind kind, size_t end);

  std::string_view text_;
  const std::string& file_;
  size_t position_ = 0;
  int line_ = 1;
  Token current_, ahead_;
};

}  // namespace ane::mil
