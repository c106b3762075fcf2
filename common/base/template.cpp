#include "common/base/template.h"

#include "common/base/text.h"

namespace pennypost {
namespace {

bool is_name_letter(char c) { return is_alnum(c) || c == '_'; }

/// How long the name or the bracketed expression at the beginning of `text` is; 0: there is none.
std::size_t expression_length(std::string_view text) {
  if (text.empty()) return 0;
  char opener = text[0];
  if (opener != '{' && opener != '(') {
    std::size_t length = 0;
    while (length < text.size() && is_name_letter(text[length])) ++length;
    return length;
  }
  char closer = opener == '{' ? '}' : ')';
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == opener) ++depth;
    if (text[i] == closer && --depth == 0) return i + 1;
  }
  return 0;
}

void fill_into(std::string& result, std::string_view text, const TemplateValue& value, int depth) {
  for (std::size_t i = 0; i < text.size() && result.size() < template_bytes_max; ++i) {
    if (text[i] != '$') {
      result += text[i];
      continue;
    }
    std::string_view rest = text.substr(i + 1);
    if (rest.starts_with('$')) {
      result += '$';
      ++i;
      continue;
    }
    std::size_t length = expression_length(rest);
    if (length == 0) {
      result += '$';
      continue;
    }
    i += length;
    std::string_view inner = rest.substr(0, length);
    if (!is_name_letter(inner[0])) inner = inner.substr(1, inner.size() - 2);
    auto mark = inner.find_first_of("?:");
    std::string found = value(trim(inner.substr(0, mark)));
    if (mark == inner.npos) {
      result += found;
    } else if (found.empty() == (inner[mark] == ':') && depth < template_depth_max) {
      fill_into(result, inner.substr(mark + 1), value, depth + 1);
    }
  }
}

}  // namespace

std::string fill_in(std::string_view text, const TemplateValue& value) {
  std::string result;
  fill_into(result, text, value, 0);
  if (result.size() > template_bytes_max) result.resize(template_bytes_max);
  return result;
}

}  // namespace pennypost
