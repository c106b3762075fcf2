#include "imapd/response/preview.h"

#include <array>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

// Gathers words, a space between two, up to preview_characters.
class Words {
 public:
  // False once there is no room for more.
  bool add(char c) {
    bool is_blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (is_blank) {
      wants_space_ = !text_.empty();
      return true;
    }
    bool goes_on = is_inside(c) && octets_ > 0 && octets_ < 4 && !wants_space_;
    if (!goes_on) {
      if (wants_space_) put_space();
      if (count_ == preview_characters) return false;
      ++count_;
      octets_ = 0;
    }
    ++octets_;
    text_ += c;
    return true;
  }
  std::string take() { return std::move(text_); }

 private:
  // A further octet of a character in UTF-8.
  static bool is_inside(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
  void put_space() {
    wants_space_ = false;
    if (count_ + 1 >= preview_characters) {
      count_ = preview_characters;
      return;
    }
    text_ += ' ';
    ++count_;
  }

  std::string text_;
  std::size_t count_ = 0;
  std::size_t octets_ = 0;  // of the last character
  bool wants_space_ = false;
};

bool is_quoted(std::string_view line) { return line.starts_with('>'); }

std::string words_of_plain(std::string_view body, bool with_quotes) {
  Words words;
  while (!body.empty()) {
    auto line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    // Who wrote what is quoted: a line that ends in a colon before the first `>`.
    bool introduces = trim(line).ends_with(':') && is_quoted(body.substr(0, 1));
    if (!with_quotes && (is_quoted(line) || introduces)) continue;
    for (char c : line) {
      if (!words.add(c)) return words.take();
    }
    words.add(' ');
  }
  return words.take();
}

struct Entity {
  std::string_view name;
  std::string_view text;
};
constexpr std::array entities{
    Entity{"amp;", "&"},   Entity{"lt;", "<"},   Entity{"gt;", ">"},
    Entity{"quot;", "\""}, Entity{"apos;", "'"}, Entity{"nbsp;", " "},
};
constexpr std::array<std::string_view, 4> hidden_elements{"head", "script", "style", "title"};

void append_character(std::string& out, std::uint64_t code) {
  bool is_character = code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (!is_character) return;
  auto put = [&](std::uint64_t octet) { out += static_cast<char>(octet); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

// Takes a character reference behind its `&` off `rest`; false if there is none.
bool take_entity(std::string_view& rest, std::string& out) {
  for (const auto& entity : entities) {
    if (!rest.starts_with(entity.name)) continue;
    rest.remove_prefix(entity.name.size());
    out += entity.text;
    return true;
  }
  auto end = rest.substr(0, 12).find(';');
  if (end == std::string_view::npos || !rest.starts_with('#')) return false;
  auto digits = rest.substr(1, end - 1);
  bool is_hex = digits.starts_with('x') || digits.starts_with('X');
  if (is_hex) digits.remove_prefix(1);
  std::uint64_t code = 0;
  if (digits.empty()) return false;
  for (char c : digits) {
    auto at = std::string_view("0123456789abcdef").find(to_lower(c));
    if (at == std::string_view::npos || (!is_hex && at > 9)) return false;
    code = code * (is_hex ? 16 : 10) + at;
  }
  append_character(out, code);
  rest.remove_prefix(end + 1);
  return true;
}

// Passes a tag, or a comment, whose `<` stands in front; of a hidden element also its content.
void pass_tag(std::string_view& rest) {
  if (rest.starts_with("<!--")) {
    auto end = rest.find("-->");
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 3);
    return;
  }
  auto end = rest.find('>');
  auto tag = rest.substr(1, end == std::string_view::npos ? end : end - 1);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  for (auto name : hidden_elements) {
    bool is_it =
        starts_with_nocase(tag, name) && (tag.size() == name.size() || !is_alnum(tag[name.size()]));
    if (!is_it) continue;
    auto closing = "</" + std::string(name);
    while (!rest.empty() && !starts_with_nocase(rest, closing)) {
      auto next = rest.find('<', 1);
      rest.remove_prefix(std::min(rest.size(), next));
    }
    return;
  }
}

std::string text_of_html(std::string_view body) {
  std::string text;
  while (!body.empty()) {
    char c = body.front();
    if (c == '<') {
      pass_tag(body);
      text += ' ';
      continue;
    }
    body.remove_prefix(1);
    if (c != '&' || !take_entity(body, text)) text += c == '\n' ? ' ' : c;
  }
  return text;
}

}  // namespace

std::string preview_of(std::string_view body, bool is_html) {
  body = body.substr(0, preview_octets_max);
  if (is_html) return words_of_plain(text_of_html(body), true);
  auto own = words_of_plain(body, false);
  return own.empty() ? words_of_plain(body, true) : own;
}

}  // namespace pennypost::imap
