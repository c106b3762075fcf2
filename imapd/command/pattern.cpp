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

// How many of a name's first letters match in either case: those of a first level INBOX.
std::size_t caseless(std::string_view name, char separator) {
  bool is_inbox =
      name.starts_with(inbox) && (name.size() == inbox.size() || name[inbox.size()] == separator);
  return is_inbox ? inbox.size() : 0;
}

}  // namespace

ListPattern::ListPattern(std::string_view reference, std::string_view pattern, char separator)
    : text_(simplified(std::string(reference) + std::string(pattern))), separator_(separator) {}

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
  auto inbox_bytes = caseless(name, separator_);
  auto same = [&] {
    return text_[p] == name[n] || (n < inbox_bytes && to_upper(text_[p]) == name[n]);
  };
  for (;;) {
    if (p < text_.size() && text_[p] == '*') {
      star_p = ++p;
      star_n = n;
      percent_p = none;
    } else if (p < text_.size() && text_[p] == '%') {
      percent_p = ++p;
      percent_n = n;
    } else if (n < name.size() && p < text_.size() && same()) {
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
