#include "imapd/order/message_ids.h"

#include <optional>

namespace pennypost::imap {
namespace {

// The id between brackets: blanks and comments have no meaning, and of a quoted text only what it
// quotes counts. Nothing without an `@` in it.
std::optional<std::string> normal_form(std::string_view text) {
  std::string id;
  bool is_quoted = false;
  int comments = 0;
  std::size_t at_signs = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      c = text[++i];
    } else if (comments > 0) {
      comments += c == '(' ? 1 : c == ')' ? -1 : 0;
      continue;
    } else if (c == '"') {
      is_quoted = !is_quoted;
      continue;
    } else if (!is_quoted) {
      if (c == '(') {
        ++comments;
        continue;
      }
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
      if (c == '@') ++at_signs;
    }
    if (comments == 0) id += c;
  }
  if (at_signs == 0 || id.starts_with('@') || id.ends_with('@')) return std::nullopt;
  return id;
}

// The `>` that ends an id; quotes may hold one.
std::size_t end_of_id(std::string_view text, std::size_t begin) {
  bool is_quoted = false;
  for (auto i = begin; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      is_quoted = !is_quoted;
    } else if (text[i] == '>' && !is_quoted) {
      return i;
    }
  }
  // A quote that does not end quotes nothing.
  return text.find('>', begin);
}

}  // namespace

std::vector<std::string> message_ids(std::string_view field, std::size_t count_max) {
  std::vector<std::string> ids;
  for (std::size_t at = field.find('<'); at != std::string_view::npos; at = field.find('<', at)) {
    auto end = end_of_id(field, ++at);
    if (end == std::string_view::npos) break;
    auto inside = field.substr(at, end - at);
    // The last `<` before the `>` is the one that counts: `<<a@b>`.
    auto inner = inside.rfind('<');
    if (inner != std::string_view::npos && inside.find('"') == std::string_view::npos) {
      inside.remove_prefix(inner + 1);
    }
    if (auto id = normal_form(inside)) {
      if (ids.size() == count_max && !ids.empty()) ids.erase(ids.begin());
      if (ids.size() < count_max) ids.push_back(*std::move(id));
    }
    at = end;
  }
  return ids;
}

}  // namespace pennypost::imap
