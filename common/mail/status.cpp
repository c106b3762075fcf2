#include "common/mail/status.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

constexpr std::string_view utf8_type = "utf-8";

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void append_utf8(char32_t code, std::string& out) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

/// RFC 6533 section 3: utf-8-addr-xtext and -unitext, whose escapes are `\x{HEX}`.
std::optional<std::string> utf8_address_decode(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '\\') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    auto end = text.find('}');
    if (!text.starts_with("\\x{") || end == std::string_view::npos) return {};
    auto digits = text.substr(3, end - 3);
    if (digits.size() < 2 || digits.size() > 6) return {};
    char32_t code = 0;
    for (char c : digits) {
      if (hex_value(c) < 0) return {};
      code = code << 4 | static_cast<char32_t>(hex_value(c));
    }
    append_utf8(code, out);
    text.remove_prefix(end + 1);
  }
  if (!is_utf8(out)) return {};
  return out;
}

std::string hex_point(char32_t code) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (; code > 0 || out.size() < 2; code >>= 4) out.insert(out.begin(), digits[code & 15]);
  return "\\x{" + out + "}";
}

/// Encodes valid UTF-8 with escapes for characters that are not allowed, and with `ascii` for all
/// non-ASCII ones.
std::string utf8_address_encode(std::string_view text, bool ascii) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    auto first = static_cast<unsigned char>(text[i]);
    std::size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    bytes = std::min(bytes, text.size() - i);
    char32_t code = bytes == 1 ? first : first & (0x7fu >> bytes);
    for (std::size_t k = 1; k < bytes; ++k) {
      code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    }
    bool escape = first < 0x80 ? first <= ' ' || first == 0x7f || first == '+' || first == '=' ||
                                     first == '\\'
                               : ascii;
    out += escape ? hex_point(code) : std::string(text.substr(i, bytes));
    i += bytes;
  }
  return out;
}

}  // namespace

std::optional<std::string> xtext_decode(std::string_view text, Utf8 utf8) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      if (i + 2 >= text.size()) return {};
      int high = hex_value(text[i + 1]);
      int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return {};
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else if (is_ascii(c) ? c <= ' ' || c == 0x7f || c == '=' : utf8 == Utf8::Refused) {
      return {};
    } else {
      out += c;
    }
  }
  return out;
}

std::string xtext_encode(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c > ' ' && c < 0x7f && c != '+' && c != '=') {
      out += c;
    } else {
      out += "+" + upper(hex_encode(std::string_view(&c, 1)));
    }
  }
  return out;
}

Result<DsnNotify> DsnNotify::parse(std::string_view text) {
  DsnNotify notify;
  Error bad(501, "5.5.4", "Bad NOTIFY parameter syntax");
  for (auto word : split(text, ',')) {
    bool* flag = equal_nocase(word, "NEVER")     ? &notify.never
                 : equal_nocase(word, "SUCCESS") ? &notify.success
                 : equal_nocase(word, "FAILURE") ? &notify.failure
                 : equal_nocase(word, "DELAY")   ? &notify.delay
                                                 : nullptr;
    if (flag == nullptr || *flag) return bad;
    *flag = true;
  }
  // RFC 3461 section 4.1: NEVER must be the only word.
  if (notify.never && (notify.success || notify.failure || notify.delay)) return bad;
  return notify;
}

std::string DsnNotify::text() const {
  std::string out;
  auto add = [&](bool wanted, std::string_view word) {
    if (!wanted) return;
    if (!out.empty()) out += ',';
    out += word;
  };
  add(never, "NEVER");
  add(success, "SUCCESS");
  add(failure, "FAILURE");
  add(delay, "DELAY");
  return out;
}

bool DsnNotify::wants(DsnAction action) const {
  if (never) return false;
  switch (action) {
    case DsnAction::Failed:
      return failure || !is_set();
    case DsnAction::Delayed:
      return delay || !is_set();
    case DsnAction::Delivered:
    case DsnAction::Relayed:
    case DsnAction::Expanded:
      return success;
  }
  return false;
}

Result<OriginalRecipient> OriginalRecipient::parse(std::string_view text, Utf8 utf8) {
  Error bad(501, "5.5.4", "Bad ORCPT parameter syntax");
  auto semicolon = text.find(';');
  if (text.size() > orcpt_bytes_max || semicolon == std::string_view::npos) return bad;
  auto type = text.substr(0, semicolon);
  if (type.empty() ||
      !std::ranges::all_of(type, [](char c) { return is_atext(c) && is_ascii(c); })) {
    return bad;
  }
  auto encoded = text.substr(semicolon + 1);
  // RFC 6533 section 3 defines `\x{}` for this type; plain xtext is accepted too.
  auto address = xtext_decode(encoded, utf8);
  if (address && equal_nocase(type, utf8_type)) address = utf8_address_decode(*address);
  if (!address || address->empty() || std::ranges::any_of(*address, is_control)) return bad;
  if (!is_utf8(*address)) return bad;
  return OriginalRecipient{std::string(type), *std::move(address)};
}

OriginalRecipient OriginalRecipient::of(const MailAddress& address) {
  auto ascii = address.with_ascii_domain();
  if (!ascii.needs_smtputf8()) return {"rfc822", ascii.text()};
  return {std::string(utf8_type), address.text()};
}

std::string OriginalRecipient::parameter(Utf8 next_hop) const {
  if (!equal_nocase(type, utf8_type)) return type + ";" + xtext_encode(address);
  return type + ";" + utf8_address_encode(address, next_hop == Utf8::Refused);
}

std::string OriginalRecipient::field(Utf8 report) const {
  if (is_ascii(address) || report == Utf8::Allowed) return type + "; " + address;
  return type + "; " + utf8_address_encode(address, true);
}

}  // namespace pennypost
