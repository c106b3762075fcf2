#include "common/mailauth/spf_macro.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/dns/message.h"

namespace pennypost {
namespace {

constexpr std::string_view letters = "slodiphv";
constexpr std::string_view explanation_letters = "slodiphvcrt";
constexpr std::string_view delimiters = ".-+,/_=";
constexpr std::uint64_t labels_max = 128;  // section 7.1: at least 127 must be supported

/// One literal character, `%%`, `%_`, `%-` or `%{...}`.
struct Piece {
  std::string_view literal;  // unless there is a letter
  char letter = 0;           // as written: in upper case its value is escaped
  std::uint64_t labels = labels_max;
  bool reverses = false;
  std::string_view splits_at = ".";
  bool is_macro = false;  // any of the forms with %
};

/// The inside of `%{...}`.
std::optional<Piece> macro_of(std::string_view inside) {
  Piece piece;
  piece.is_macro = true;
  if (inside.empty()) return {};
  piece.letter = inside.front();
  inside.remove_prefix(1);
  auto digits = std::min(inside.find_first_not_of("0123456789"), inside.size());
  if (digits > 0) {
    // More labels than a name can have are all of them, however large the number is.
    auto count = parse_number(inside.substr(0, digits));
    if (count == 0) return {};
    piece.labels = std::min(count.value_or(labels_max), labels_max);
    inside.remove_prefix(digits);
  }
  if (!inside.empty() && to_lower(inside.front()) == 'r') {
    piece.reverses = true;
    inside.remove_prefix(1);
  }
  if (inside.find_first_not_of(delimiters) != inside.npos) return {};
  if (!inside.empty()) piece.splits_at = inside;
  return piece;
}

/// Removes a piece from the front; nothing if it is malformed.
std::optional<Piece> take_piece(std::string_view& text) {
  Piece piece;
  piece.literal = text.substr(0, 1);
  text.remove_prefix(1);
  if (piece.literal != "%") return piece;
  if (text.empty()) return {};
  char second = text.front();
  text.remove_prefix(1);
  piece.is_macro = true;
  if (second == '{') {
    auto end = text.find('}');
    if (end == text.npos) return {};
    auto inside = text.substr(0, end);
    text.remove_prefix(end + 1);
    return macro_of(inside);
  }
  if (second == '%')
    piece.literal = "%";
  else if (second == '_')
    piece.literal = " ";
  else if (second == '-')
    piece.literal = "%20";
  else
    return {};
  return piece;
}

/// Section 7.1: toplabel, which a number can't be.
bool is_top_label(std::string_view label) {
  if (label.empty() || !is_alnum(label.front()) || !is_alnum(label.back())) return false;
  bool is_number = std::ranges::all_of(label, is_digit);
  return !is_number && std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      add(out, '%', upper(hex_encode(std::string_view(&c, 1))));
    }
  }
  return out;
}

/// `192.0.2.1`, or the nibbles of an IPv6 address: `2.0.0.1.0.D.B.8...`.
std::string dotted(const IpAddress& address) {
  if (address.is_v4()) return address.text();
  std::string out;
  for (char c : upper(hex_encode(address.bytes()))) {
    if (!out.empty()) out += '.';
    out += c;
  }
  return out;
}

std::string value_of(char letter, const SpfMacroValues& values) {
  switch (letter) {
    case 's':
      return values.local + "@" + values.sender_domain;
    case 'l':
      return values.local;
    case 'o':
      return values.sender_domain;
    case 'd':
      return values.domain;
    case 'i':
      return dotted(values.client);
    case 'p':
      return values.validated;
    case 'h':
      return values.helo;
    case 'v':
      return values.client.is_v4() ? "in-addr" : "ip6";
    case 'c':
      return values.client.text();
    case 'r':
      return values.receiver;
    case 't':
      return std::to_string(values.now_seconds);
    default:
      ASSERT(false);
      return {};
  }
}

/// Section 7.3: split, reversed, cut to the rightmost labels and joined by dots.
std::string transformed(std::string_view value, const Piece& piece) {
  std::vector<std::string> labels{""};
  for (char c : value) {
    if (piece.splits_at.find(c) != piece.splits_at.npos) {
      labels.emplace_back();
    } else {
      labels.back() += c;
    }
  }
  if (piece.reverses) std::ranges::reverse(labels);
  if (labels.size() > piece.labels) {
    labels.erase(labels.begin(), labels.end() - static_cast<std::ptrdiff_t>(piece.labels));
  }
  return join(labels, ".");
}

}  // namespace

bool is_spf_macro_string(std::string_view text, SpfMacroUse use) {
  auto known = use == SpfMacroUse::Domain ? letters : explanation_letters;
  while (!text.empty()) {
    auto piece = take_piece(text);
    if (!piece) return false;
    if (piece->letter != 0 && known.find(to_lower(piece->letter)) == known.npos) return false;
    if (piece->is_macro) continue;
    char least = use == SpfMacroUse::Domain ? '!' : ' ';
    char c = piece->literal.front();
    if (c < least || c > '~') return false;
  }
  return true;
}

bool is_spf_domain(std::string_view text) {
  if (text.empty() || !is_spf_macro_string(text, SpfMacroUse::Domain)) return false;
  std::string_view tail = text;  // behind the last macro
  for (auto rest = text; !rest.empty();) {
    if (take_piece(rest)->is_macro) tail = rest;
  }
  if (tail.empty()) return true;
  if (tail.ends_with('.')) tail.remove_suffix(1);
  auto dot = tail.rfind('.');
  return dot != tail.npos && is_top_label(tail.substr(dot + 1));
}

bool needs_validated_name(std::string_view text) {
  while (!text.empty()) {
    auto piece = take_piece(text);
    if (!piece) return false;
    if (to_lower(piece->letter) == 'p') return true;
  }
  return false;
}

std::string expand_spf_macros(std::string_view text, const SpfMacroValues& values) {
  std::string out;
  while (!text.empty()) {
    auto piece = take_piece(text);
    ASSERT(piece);
    if (piece->letter == 0) {
      out += piece->literal;
    } else {
      auto value = transformed(value_of(to_lower(piece->letter), values), *piece);
      bool is_upper = piece->letter != to_lower(piece->letter);
      out += is_upper ? escaped(value) : value;
    }
  }
  return out;
}

std::string expand_spf_domain(std::string_view text, const SpfMacroValues& values) {
  auto name = expand_spf_macros(text, values);
  if (name.ends_with('.')) name.pop_back();
  if (name.size() <= dns_name_bytes_max) return name;
  auto dot = name.find('.', name.size() - dns_name_bytes_max - 1);
  return dot == name.npos ? name : name.substr(dot + 1);
}

}  // namespace pennypost
