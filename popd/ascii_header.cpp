#include "popd/ascii_header.h"

#include <algorithm>
#include <array>

#include "common/base/percent.h"
#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/unicode.h"

namespace pennypost::pop {
namespace {

constexpr std::string_view no_address = "<invalid@internationalized-address.invalid>";
constexpr std::array<std::string_view, 12> address_fields{
    "bcc",        "cc",          "from",        "reply-to",
    "resent-bcc", "resent-cc",   "resent-from", "resent-sender",
    "resent-to",  "return-path", "sender",      "to"};

// Fields of identifiers, `<left@right>`.
constexpr std::array<std::string_view, 5> identifier_fields{
    "content-id", "in-reply-to", "message-id", "references", "resent-message-id"};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// From the first to the last word that is not ASCII all is encoded: the blanks between two encoded
// words would not be shown.
std::string encoded_text(std::string_view value) {
  auto beyond = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  auto first = static_cast<std::size_t>(std::ranges::find_if(value, beyond) - value.begin());
  auto last = value.size();
  while (last > first && !beyond(value[last - 1])) --last;
  auto begin = value.substr(0, first).find_last_of(" \t");
  begin = begin == std::string_view::npos ? 0 : begin + 1;
  auto end = std::min(value.find_first_of(" \t", last), value.size());
  std::string out(value.substr(0, begin));
  out += encode_words(value.substr(begin, end - begin));
  return out.append(value.substr(end));
}

// The length of what stands at the beginning: a quoted string, <address>, (comment), blanks, a
// separator, or a word.
std::size_t token_bytes(std::string_view text) {
  auto up_to = [&](char last) {
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == last) {
        return i + 1;
      }
    }
    return text.size();
  };
  switch (text.front()) {
    case '"':
      return up_to('"');
    case '<':
      return up_to('>');
    case '(':
      return up_to(')');
    case ' ':
    case '\t':
    case ',':
    case ';':
    case ':':
      return 1;
    default:
      return std::min(text.find_first_of("\"<( \t,;:", 1), text.size());
  }
}

std::string inside(std::string_view token) {
  token.remove_prefix(1);
  if (!token.empty()) token.remove_suffix(1);
  return std::string(token);
}

// The blanks between two encoded words are not shown (RFC 2047 section 6.2): the second has one of
// its own.
void add_words(std::string& out, std::string text) {
  auto end = std::string_view(out).find_last_not_of(" \t");
  bool is_behind_words =
      end != std::string_view::npos && std::string_view(out).substr(0, end + 1).ends_with("?=");
  if (is_behind_words) text.insert(0, " ");
  out += encode_words(text);
}

std::string encoded_addresses(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    auto token = value.substr(0, token_bytes(value));
    value.remove_prefix(token.size());
    if (is_ascii(token)) {
      out += token;
    } else if (token.front() == '<') {
      if (!out.empty() && out.back() != ' ') out += ' ';
      add_words(out, inside(token));
      out += " " + std::string(no_address);
    } else if (token.front() == '(') {
      out += "(" + encode_words(inside(token)) + ")";
    } else if (token.front() == '"') {
      add_words(out, inside(token));
    } else {
      add_words(out, std::string(token));
      if (token.find('@') != token.npos) out += " " + std::string(no_address);
    }
  }
  return out;
}

/// Without the identifiers that are not ASCII; empty: none is left.
std::string ascii_identifiers(std::string_view value) {
  std::string out;
  for (auto word : words(value, " \t\r\n")) {
    if (!is_ascii(word)) continue;
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

/// `name*=utf-8''...`
void add_parameter(std::string& out, std::string_view value) {
  out += "*=utf-8''" + percent_encode(value, "-._~");
}

// `filename="..."`, or without quotes; what is no parameter of this form is encoded as text.
std::string encoded_parameters(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    auto token = value.substr(0, token_bytes(value));
    value.remove_prefix(token.size());
    bool is_value = token.front() == '"' && out.ends_with('=');
    if (is_ascii(token)) {
      out += token;
    } else if (is_value) {
      out.pop_back();
      add_parameter(out, inside(token));
    } else if (auto equals = token.find('='); equals > 0 && is_ascii(token.substr(0, equals))) {
      out += token.substr(0, equals);
      add_parameter(out, token.substr(equals + 1));
    } else {
      out += encode_words(token);
    }
  }
  return out;
}

/// Empty: the field is left out.
std::string ascii_field(const HeaderField& field) {
  auto name = lower(field.name);
  auto value = field.value();
  if (name == "received") return "";
  if (std::ranges::find(identifier_fields, name) != identifier_fields.end()) {
    auto identifiers = ascii_identifiers(value);
    return identifiers.empty() ? "" : make_field(field.name, identifiers);
  }
  bool has_addresses = std::ranges::find(address_fields, name) != address_fields.end();
  auto text = has_addresses                  ? encoded_addresses(value)
              : name.starts_with("content-") ? encoded_parameters(value)
                                             : encoded_text(value);
  return make_field(field.name, text);
}

}  // namespace

std::optional<std::string> ascii_header(std::string_view header) {
  if (is_ascii(header)) return {};
  std::string out;
  bool is_changed = false;
  std::size_t bytes = 0;
  for (const auto& field : HeaderFields(header)) {
    bytes += field.whole.size();
    bool may_stay = field.name.empty() || is_ascii(field.whole) || !is_utf8(field.whole);
    out += may_stay ? std::string(field.whole) : ascii_field(field);
    is_changed = is_changed || !may_stay;
  }
  if (!is_changed) return {};
  return out.append(header.substr(bytes));
}

}  // namespace pennypost::pop
