#include "imapd/response/strings.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "imapd/grammar/cursor.h"

namespace pennypost::imap {
namespace {

// Clients have been seen with line buffers of this order.
constexpr std::size_t quoted_bytes_max = 1000;

bool fits_quoted(std::string_view text, bool may_be_utf8) {
  return text.size() <= quoted_bytes_max && std::ranges::all_of(text, [&](char c) {
           return (may_be_utf8 || is_ascii(c)) && c != '\r' && c != '\n' && c != '\0';
         });
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  std::string without_nul;
  if (text.find('\0') != std::string_view::npos) {
    without_nul = text;
    std::erase(without_nul, '\0');
    text = without_nul;
  }
  if (fits_quoted(text, false)) return append_quoted(out, text);
  append_literal_header(out, text.size());
  out += text;
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

void append_mailbox(std::string& out, std::string_view utf8, NameForm form) {
  if (form == NameForm::Utf8 && !is_ascii(utf8) && fits_quoted(utf8, true)) {
    return append_quoted(out, utf8);
  }
  // What UTF-7 escapes, `&`, stands for itself in UTF-8.
  if (form == NameForm::Utf8) return append_astring(out, utf8);
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
