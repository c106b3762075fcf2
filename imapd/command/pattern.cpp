#include "imapd/command/pattern.h"

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::string_view inbox = "INBOX";

// Wildcards in a row are one: `*` where any of them is, so that matching stays quadratic at worst.
std::string simplified(std::string_view pattern) {
  std::string out;
  for (char c : pattern) {
    bool wild = c == '*' || c == '%';
    if (wild && !out.empty() && (out.back() == '*' || out.back() == '%')) {
      if (c == '*') out.back() = '*';
    } else {
      out += c;
    }
  }
  return out;
}

// The first level in upper case where it spells INBOX.
std::string with_inbox(std::string_view text, char separator) {
  std::string out(text);
  if (starts_with_nocase(text, inbox) &&
      (text.size() == inbox.size() || text[inbox.size()] == separator)) {
    out.replace(0, inbox.size(), inbox);
  }
  return out;
}

}  // namespace

ListPattern::ListPattern(std::string_view reference, std::string_view pattern, char separator)
    : text_(with_inbox(simplified(std::string(reference) + std::string(pattern)), separator)),
      separator_(separator) {}

// Each wildcard begins short and grows; when the text after a `*` fails, only the last `*` need
// grow. A
// `%` may need an earlier `*` to grow, hence the two points to return to.
bool ListPattern::matches(std::string_view name) const {
  constexpr auto none = std::string::npos;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star_p = none;
  std::size_t star_n = 0;
  std::size_t percent_p = none;
  std::size_t percent_n = 0;
  for (;;) {
    if (p < text_.size() && text_[p] == '*') {
      star_p = ++p;
      star_n = n;
      percent_p = none;
    } else if (p < text_.size() && text_[p] == '%') {
      percent_p = ++p;
      percent_n = n;
    } else if (n < name.size() && p < text_.size() && text_[p] == name[n]) {
      ++p;
      ++n;
    } else if (n == name.size() && p == text_.size()) {
      return true;
    } else if (percent_p != none && percent_n < name.size() && name[percent_n] != separator_) {
      n = ++percent_n;
      p = percent_p;
    } else if (star_p != none && star_n < name.size()) {
      n = ++star_n;
      p = star_p;
      percent_p = none;
    } else {
      return false;
    }
  }
}

std::vector<std::string> parents(std::string_view name, char separator) {
  std::vector<std::string> out;
  for (auto at = name.find(separator); at != std::string_view::npos;
       at = name.find(separator, at + 1)) {
    out.emplace_back(name.substr(0, at));
  }
  return out;
}

}  // namespace pennypost::imap
