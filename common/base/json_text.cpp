#include "common/base/json_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "common/base/text.h"

namespace pennypost {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    char c = text.front();
    std::size_t octets = 1;
    if (c == '"' || c == '\\') {
      add(out, '\\', c);
    } else if (is_control(c)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else if (is_ascii(c)) {
      out += c;
    } else {
      octets = static_cast<std::size_t>(
          std::ranges::find_if(text, [](char d) { return is_ascii(d); }) - text.begin());
      out += printable(text.substr(0, octets), octets);
    }
    text.remove_prefix(octets);
  }
  return out + '"';
}

}  // namespace pennypost
