#include "imapd/grammar/cursor.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t date_bytes_shown = 40;

constexpr std::uint64_t number64_max = 0x7fff'ffff'ffff'ffff;

Error expected(std::string_view what) { return Error(501, "Expected " + std::string(what)); }

template <class Is>
std::string_view take_while(std::string_view& rest, Is is) {
  std::size_t n = 0;
  while (n < rest.size() && is(rest[n])) ++n;
  auto taken = rest.substr(0, n);
  rest.remove_prefix(n);
  return taken;
}

}  // namespace

std::optional<LiteralHeader> literal_at_end(std::string_view line) {
  if (line.empty() || line.back() != '}') return std::nullopt;
  auto open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  LiteralHeader header;
  header.header_bytes = line.size() - open;
  auto digits = line.substr(open + 1, line.size() - open - 2);
  if (!digits.empty() && digits.back() == '+') {
    header.synchronizing = false;
    digits.remove_suffix(1);
  }
  auto bytes = parse_number(digits);
  if (!bytes || *bytes > number64_max) return std::nullopt;
  header.bytes = *bytes;
  if (open > 0 && line[open - 1] == '~') {
    header.binary = true;
    ++header.header_bytes;
  }
  return header;
}

bool Cursor::skip(char c) {
  if (!at(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

bool Cursor::skip_word(std::string_view word) {
  if (!starts_with_nocase(rest_, word)) return false;
  if (rest_.size() > word.size() && is_atom_char(rest_[word.size()])) return false;
  rest_.remove_prefix(word.size());
  return true;
}

Result<void> Cursor::expect(char c) {
  if (!skip(c)) return expected(c == ' ' ? "a space" : std::string{'"', c, '"'});
  return {};
}

Result<void> Cursor::space() {
  TRY_DO(expect(' '));
  skip_spaces();
  return {};
}

bool Cursor::next_item() {
  auto item = rest_.find_first_not_of(' ');
  if (!at(' ') || item == std::string_view::npos) return false;
  rest_.remove_prefix(item);
  return !at(')');
}

Result<void> Cursor::end() {
  if (!at_end()) return Error(501, "Unexpected extra arguments");
  return {};
}

Result<std::string> Cursor::atom() {
  auto taken = take_while(rest_, is_atom_char);
  if (taken.empty()) return expected("an atom");
  return std::string(taken);
}

Result<std::string> Cursor::keyword() {
  auto taken = take_while(rest_, [](char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '/' || c == '_' || c == '=';
  });
  if (taken.empty()) return expected("a keyword");
  return upper(taken);
}

Result<std::string> Cursor::quoted() {
  TRY_DO(expect('"'));
  std::string out;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '"') {
      rest_.remove_prefix(i + 1);
      return out;
    }
    if (c == '\\') {
      if (++i == rest_.size()) break;
      c = rest_[i];
      // Only `"` and `\` need the backslash; clients that put it before others mean the character.
    }
    if (c == '\r' || c == '\n' || c == '\0')
      return Error(501, "Control character in a quoted string");
    out += c;
  }
  return Error(501, "Quoted string without its closing quote");
}

Result<std::string> Cursor::literal() {
  auto eol = rest_.find('\n');
  if (eol == std::string_view::npos) return expected("a literal");
  auto line = rest_.substr(0, eol);
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto header = literal_at_end(line);
  if (!header || header->header_bytes != line.size()) return expected("a literal");
  rest_.remove_prefix(eol + 1);
  if (header->bytes > limits_.literal_bytes_max) return Error(501, "Literal is too long");
  if (header->bytes > rest_.size()) return Error(501, "Literal is cut short");
  std::string out(rest_.substr(0, static_cast<std::size_t>(header->bytes)));
  rest_.remove_prefix(out.size());
  // RFC 9051 section 4.3: only a literal8 may hold NUL.
  if (!header->binary && out.find('\0') != std::string::npos) return Error(501, "NUL in a literal");
  return out;
}

Result<std::string> Cursor::string() {
  if (at('"')) return quoted();
  if (at('{') || at('~')) return literal();
  return expected("a string");
}

Result<std::string> Cursor::astring() {
  if (at('"') || at('{')) return string();
  auto taken = take_while(rest_, is_astring_char);
  if (taken.empty()) return expected("an atom or string");
  return std::string(taken);
}

Result<std::optional<std::string>> Cursor::nstring() {
  if (skip_word("NIL")) return std::optional<std::string>();
  TRY(auto text, string());
  return std::optional<std::string>(std::move(text));
}

Result<std::string> Cursor::list_mailbox() {
  if (at('"') || at('{')) return string();
  auto taken = take_while(rest_, is_list_char);
  if (taken.empty()) return expected("a mailbox pattern");
  return std::string(taken);
}

Result<std::string> Cursor::mailbox() {
  TRY(auto name, astring());
  if (equal_nocase(name, "INBOX")) return std::string("INBOX");
  return name;
}

Result<std::uint32_t> Cursor::number() {
  auto digits = take_while(rest_, [](char c) { return is_digit(c); });
  auto value = parse_number(digits);
  if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return expected("a number");
  return static_cast<std::uint32_t>(*value);
}

Result<std::uint32_t> Cursor::nz_number() {
  TRY(auto value, number());
  if (value == 0) return expected("a number other than zero");
  return value;
}

Result<std::uint64_t> Cursor::number64() {
  auto digits = take_while(rest_, [](char c) { return is_digit(c); });
  auto value = parse_number(digits);
  if (!value || *value > number64_max) return expected("a number");
  return *value;
}

Result<SequenceSet> Cursor::sequence_set() {
  auto taken = take_while(
      rest_, [](char c) { return is_digit(c) || c == ':' || c == ',' || c == '*' || c == '$'; });
  return SequenceSet::parse(taken, limits_.list_items_max);
}

Result<std::string> Cursor::flag() {
  bool system = skip('\\');
  TRY(auto name, atom());
  return system ? canonical_flag('\\' + name) : name;
}

Result<std::vector<std::string>> Cursor::flag_list() {
  std::vector<std::string> flags;
  TRY_DO(expect('('));
  skip_spaces();
  if (skip(')')) return flags;
  for (;;) {
    if (flags.size() == limits_.list_items_max) return Error(501, "Too many flags");
    TRY(auto one, flag());
    flags.push_back(std::move(one));
    if (skip(')')) return flags;
    TRY_DO(space());
    if (skip(')')) return flags;
  }
}

Error invalid_date(std::string_view text, std::string_view example) {
  std::string words = "Invalid date \"";
  words.append(printable(text, date_bytes_shown)).append("\": expected one like ").append(example);
  return Error(501, std::move(words));
}

std::string canonical_flag(std::string_view flag) {
  static constexpr std::string_view known[] = {"\\Answered", "\\Flagged", "\\Deleted",
                                               "\\Seen",     "\\Draft",   "\\Recent"};
  for (auto name : known) {
    if (equal_nocase(flag, name)) return std::string(name);
  }
  return std::string(flag);
}

}  // namespace pennypost::imap
