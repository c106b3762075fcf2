// Finds tokens one after the other, counting lines.
#include "store/sieve/lexer.h"

#include "common/base/text.h"
#include "store/sieve/limits.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::size_t shown_bytes_max = 40;

bool begins_name(char c) { return is_alpha(c) || c == '_'; }
bool continues_name(char c) { return begins_name(c) || is_digit(c); }

}  // namespace

std::string Token::shown() const {
  switch (kind) {
    case Kind::Identifier:
      return "\"" + text + "\"";
    case Kind::Tag:
      return "the tag :" + text;
    case Kind::Number:
      return "the number " + std::to_string(number);
    case Kind::String:
      return "the string \"" + printable(text, shown_bytes_max) + "\"";
    case Kind::Sign:
      return "\"" + text + "\"";
    case Kind::End:
      break;
  }
  return "the end of the script";
}

Position Lexer::position() const {
  return {line_, static_cast<std::uint32_t>(offset_ - line_start_ + 1)};
}

std::nullopt_t Lexer::wrong(Position at, std::string text) {
  mistake_ = {at, std::move(text)};
  return std::nullopt;
}

bool Lexer::skip_block_comment() {
  Position from = position();
  auto end = script_.find("*/", offset_ + 2);
  if (end == std::string_view::npos) {
    wrong(from, "this comment has no end; close it with */");
    return false;
  }
  for (; offset_ < end + 2; ++offset_) {
    if (here() != '\n') continue;
    ++line_;
    line_start_ = offset_ + 1;
  }
  return true;
}

bool Lexer::skip_blanks() {
  while (!at_end()) {
    if (here() == '\n') {
      ++offset_;
      ++line_;
      line_start_ = offset_;
    } else if (is_blank(here()) || here() == '\r') {
      ++offset_;
    } else if (here() == '#') {
      offset_ = std::min(script_.find('\n', offset_), script_.size());
    } else if (script_.substr(offset_).starts_with("/*")) {
      if (!skip_block_comment()) return false;
    } else {
      break;
    }
  }
  return true;
}

std::optional<Token> Lexer::next() {
  if (!skip_blanks()) return std::nullopt;
  Token token;
  token.at = position();
  if (at_end()) return token;
  char c = here();
  if (c == '"') return quoted(std::move(token));
  if (is_digit(c)) return number(std::move(token));
  if (c == ':' || begins_name(c)) {
    if (c == ':') ++offset_;
    token.kind = c == ':' ? Token::Kind::Tag : Token::Kind::Identifier;
    token.text = name();
    if (token.text.empty()) return wrong(token.at, "a tag's name must follow the colon");
    if (token.text.size() > name_bytes_max) {
      return wrong(token.at, "this name has " + std::to_string(token.text.size()) +
                                 " letters; names have at most " + std::to_string(name_bytes_max));
    }
    bool is_text = c != ':' && equal_nocase(token.text, "text") && !at_end() && here() == ':';
    return is_text ? multi_line(std::move(token)) : std::move(token);
  }
  if (std::string_view("[](){},;").find(c) != std::string_view::npos) {
    ++offset_;
    token.kind = Token::Kind::Sign;
    token.text = c;
    return token;
  }
  if (c == '\'') return wrong(token.at, "strings are written with double quotes");
  return wrong(token.at, "unexpected character " + (is_control(c) || !is_ascii(c)
                                                        ? "0x" + hex_encode({&c, 1})
                                                        : std::string{'"', c, '"'}));
}

std::string_view Lexer::name() {
  std::size_t begin = offset_;
  if (!at_end() && begins_name(here())) {
    while (!at_end() && continues_name(here())) ++offset_;
  }
  return script_.substr(begin, offset_ - begin);
}

/// RFC 5228 section 2.4.2: a backslash before any other character means that character.
std::optional<Token> Lexer::quoted(Token token) {
  token.kind = Token::Kind::String;
  for (++offset_; !at_end(); ++offset_) {
    char c = here();
    if (c == '"') {
      ++offset_;
      return token;
    }
    if (c == '\0') return wrong(position(), "a string must not contain NUL");
    if (c == '\\' && offset_ + 1 < script_.size()) c = script_[++offset_];
    if (c == '\n') {
      ++line_;
      line_start_ = offset_ + 1;
      // As in a text: block, whatever the script's own line ends are.
      if (!token.text.ends_with('\r')) token.text += '\r';
    }
    token.text += c;
  }
  return wrong(token.at, "this string has no end; close it with a double quote");
}

/// RFC 5228 section 2.4.1
std::optional<Token> Lexer::number(Token token) {
  token.kind = Token::Kind::Number;
  std::size_t begin = offset_;
  while (!at_end() && is_digit(here())) ++offset_;
  auto value = parse_number(script_.substr(begin, offset_ - begin));
  int shift = 0;
  if (!at_end()) {
    char unit = to_upper(here());
    shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
    if (shift > 0) ++offset_;
    if (!at_end() && continues_name(here())) {
      return wrong(token.at,
                   "a number may end in K, M or G (1024, 1024^2, 1024^3) and no other "
                   "letter");
    }
  }
  if (!value || *value > number_max >> shift) {
    return wrong(token.at,
                 "this number is too large; the largest is " + std::to_string(number_max));
  }
  token.number = *value << shift;
  return token;
}

/// After `text:` only blanks and a comment may stand on the line.
bool Lexer::end_text_line(Position from) {
  while (!at_end() && is_blank(here())) ++offset_;
  auto end = script_.find('\n', offset_);
  if (end == std::string_view::npos) {
    wrong(from, "text: must be followed by lines, the last of which is a single dot");
    return false;
  }
  auto rest = trim(script_.substr(offset_, end - offset_));
  if (!rest.empty() && rest[0] != '#') {
    wrong(position(), "the text begins on the line after text:");
    return false;
  }
  offset_ = end + 1;
  ++line_;
  line_start_ = offset_;
  return true;
}

std::optional<Token> Lexer::multi_line(Token token) {
  token.kind = Token::Kind::String;
  token.text.clear();
  ++offset_;
  if (!end_text_line(token.at)) return std::nullopt;
  while (!at_end()) {
    auto end = std::min(script_.find('\n', offset_), script_.size());
    auto line = script_.substr(offset_, end - offset_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == ".") {
      offset_ += 1;
      return token;
    }
    if (line.find('\0') != std::string_view::npos) {
      return wrong(position(), "a string must not contain NUL");
    }
    // Dot-stuffing: RFC 5228 section 2.4.2.
    if (line.starts_with("..")) line.remove_prefix(1);
    add(token.text, line, "\r\n");
    offset_ = std::min(end + 1, script_.size());
    ++line_;
    line_start_ = offset_;
  }
  return wrong(token.at, "this text: has no end; end it with a line that is a single dot");
}

}  // namespace pennypost::store::sieve
