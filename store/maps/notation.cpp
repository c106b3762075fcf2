#include "store/maps/notation.h"

#include "common/base/text.h"

namespace pennypost::store {
namespace {

// The position after the brace that closes the one at `at`; npos if there is none.
std::size_t brace_end(std::string_view text, std::size_t at) {
  int depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i + 1;
  }
  return text.npos;
}

Error unmatched() { return Error::permanent("the braces do not match"); }

}  // namespace

Result<std::string> unbraced(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('{')) return std::string(text);
  if (brace_end(text, 0) != text.size()) return unmatched();
  return std::string(trim(text.substr(1, text.size() - 2)));
}

Result<std::vector<std::string>> brace_items(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('{')) return Error::permanent("expected { and } around the list");
  if (brace_end(text, 0) != text.size()) return unmatched();
  text = text.substr(1, text.size() - 2);

  auto is_separator = [](char c) { return c == ',' || is_space(c); };
  std::vector<std::string> items;
  for (std::size_t i = 0; i < text.size();) {
    if (is_separator(text[i])) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    while (i < text.size() && !is_separator(text[i])) {
      if (text[i] == '}') return unmatched();
      i = text[i] == '{' ? brace_end(text, i) : i + 1;
      if (i == text.npos) return unmatched();
    }
    auto item = text.substr(begin, i - begin);
    bool is_braced = item.front() == '{' && brace_end(item, 0) == item.size();
    items.emplace_back(is_braced ? trim(item.substr(1, item.size() - 2)) : item);
  }
  return items;
}

}  // namespace pennypost::store
