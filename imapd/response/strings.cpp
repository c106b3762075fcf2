#include "imapd/response/strings.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "imapd/grammar/cursor.h"

namespace pennypost::imap {
namespace {

// Clients have been seen with line buffers of this order.
constexpr std::size_t quoted_bytes_max = 1000;

bool fits_quoted(std::string_view text) {
  return text.size() <= quoted_bytes_max && std::ranges::all_of(text, [](char c) {
           return is_ascii(c) && c != '\r' && c != '\n' && c != '\0';
         });
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  std::string without_nul;
  if (text.find('\0') != std::string_view::npos) {
    without_nul = text;
    std::erase(without_nul, '\0');
    text = without_nul;
  }
  if (!fits_quoted(text)) {
    append_literal_header(out, text.size());
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_nstring(std::string& out, const std::optional<std::string>& text) {
  if (text) {
    append_string(out, *text);
  } else {
    out += "NIL";
  }
}

void append_astring(std::string& out, std::string_view text) {
  bool atom =
      !text.empty() && std::ranges::all_of(text, is_astring_char) && !equal_nocase(text, "NIL");
  if (atom) {
    out += text;
  } else {
    append_string(out, text);
  }
}

void append_mailbox(std::string& out, std::string_view utf8) {
  auto encoded = encode_utf7(utf8);
  append_astring(out, encoded ? *encoded : utf8);
}

void append_literal_header(std::string& out, std::uint64_t octets) {
  out += '{' + std::to_string(octets) + "}\r\n";
}

void append_list(std::string& out, const std::vector<std::string>& members) {
  out += '(' + join(members, " ") + ')';
}

}  // namespace pennypost::imap
