#include "common/mail/encoded.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/charset.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

constexpr std::size_t encoded_word_bytes_max = 75;       // RFC 2047 section 2
constexpr std::size_t quoted_printable_line_bytes = 76;  // RFC 2045 section 6.7
constexpr std::string_view hex_digits = "0123456789ABCDEF";

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> base64_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < base64_digits.size(); ++i) {
    values[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

/// -1 if it is not a digit; lower case is accepted too.
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string escaped(char c) {
  auto byte = static_cast<unsigned char>(c);
  return {'=', hex_digits[byte >> 4], hex_digits[byte & 15]};
}

/// RFC 2047 section 4.2, the Q encoding.
std::string decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '_' ? ' ' : text[i];
    }
  }
  return out;
}

struct EncodedWord {
  std::string charset;
  std::string octets;
  std::size_t bytes = 0;  // its size in the text
};

/// The encoded word at the front of `text`, which begins with `=?`.
std::optional<EncodedWord> encoded_word(std::string_view text) {
  auto charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size()) return {};
  if (text[charset_end + 2] != '?') return {};
  auto begin = charset_end + 3;
  // The encoded text has no question mark.
  auto end = text.find('?', begin);
  if (end == std::string_view::npos || !text.substr(end).starts_with("?=")) return {};
  EncodedWord word;
  // RFC 2231 section 5: charset*language.
  word.charset = lower(split(text.substr(2, charset_end - 2), '*').front());
  if (word.charset.empty() || !is_known_charset(word.charset)) return {};
  auto encoded = text.substr(begin, end - begin);
  char encoding = to_lower(text[charset_end + 1]);
  if (encoding != 'q' && encoding != 'b') return {};
  word.octets =
      encoding == 'q' ? decode_q(encoded) : decode_body(TransferEncoding::Base64, encoded);
  word.bytes = end + 2;
  return word;
}

/// The size of the UTF-8 character at the front of `text`, which is UTF-8.
std::size_t character_bytes(std::string_view text) {
  std::size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) ++bytes;
  return bytes;
}

/// A character in the Q encoding, with the characters allowed within a phrase (RFC 2047 section 5
/// (3)).
std::string q_encoded(std::string_view character) {
  std::string out;
  for (char c : character) {
    if (c == ' ') {
      out += '_';
    } else if (is_alnum(c) || std::string_view("!*+-/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += escaped(c);
    }
  }
  return out;
}

std::size_t base64_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

/// The code point of the UTF-8 character at the front of valid text.
char32_t code_point(std::string_view character) {
  auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first;
  char32_t code = first & (0x7fu >> character.size());
  for (char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return code;
}

void append_utf16(char32_t code, std::string& out) {
  auto unit = [&](char32_t value) {
    out += static_cast<char>(value >> 8 & 0xff);
    out += static_cast<char>(value & 0xff);
  };
  if (code < 0x10000) return unit(code);
  unit(0xd800 + ((code - 0x10000) >> 10));
  unit(0xdc00 + ((code - 0x10000) & 0x3ff));
}

bool is_utf7_plain(char c) { return c >= 0x20 && c < 0x7f; }

/// RFC 3501 section 5.1.3: base64 with `,` for `/`, without padding.
std::string utf7_shifted(std::string_view utf16) {
  auto digits = base64_encode(utf16);
  digits.erase(std::min(digits.find('='), digits.size()));
  std::ranges::replace(digits, '/', ',');
  return "&" + digits + "-";
}

}  // namespace

std::optional<TransferEncoding> parse_transfer_encoding(std::string_view text) {
  auto name = trim(text);
  if (equal_nocase(name, "quoted-printable")) return TransferEncoding::QuotedPrintable;
  if (equal_nocase(name, "base64")) return TransferEncoding::Base64;
  for (const char* identity : {"7bit", "8bit", "binary", ""}) {
    if (equal_nocase(name, identity)) return TransferEncoding::Identity;
  }
  return {};
}

void BodyDecoder::feed(std::string_view piece, std::string& out) {
  switch (encoding_) {
    case TransferEncoding::Identity:
      out += piece;
      break;
    case TransferEncoding::QuotedPrintable:
      feed_quoted_printable(piece, out);
      break;
    case TransferEncoding::Base64:
      feed_base64(piece, out);
      break;
  }
}

void BodyDecoder::finish(std::string& out) {
  if (encoding_ == TransferEncoding::Base64) return end_group(out);
  // Blanks at the end, with a soft line break or without, mean nothing (RFC 2045 section 6.7 (3)).
  auto rest = std::string_view(held_).substr(held_.starts_with('=') ? 1 : 0);
  if (rest.find_first_not_of(" \t") != std::string_view::npos) out += held_;
  held_.clear();
}

void BodyDecoder::feed_quoted_printable(std::string_view piece, std::string& out) {
  std::string joined;
  if (!held_.empty()) {
    // A long run of blanks is collected without scanning it again for each piece.
    if (is_blank(held_.back())) {
      auto blanks = std::min(piece.find_first_not_of(" \t"), piece.size());
      held_ += piece.substr(0, blanks);
      piece.remove_prefix(blanks);
    }
    if (piece.empty()) return;
    joined = std::move(held_);
    joined += piece;
    held_.clear();
    piece = joined;
  }
  while (!piece.empty()) {
    auto plain = std::min(piece.find_first_of("= \t"), piece.size());
    out += piece.substr(0, plain);
    piece.remove_prefix(plain);
    if (piece.empty()) return;
    bool escape = piece.front() == '=';
    auto next = piece.find_first_not_of(" \t", escape ? 1 : 0);
    auto hold = [&] { held_ = piece; };
    if (next == std::string_view::npos) return hold();
    if (piece[next] == '\r' && next + 1 == piece.size()) return hold();
    bool crlf = piece.substr(next).starts_with("\r\n");
    if (crlf || piece[next] == '\n') {
      // A soft line break is removed entirely; from other lines only the trailing blanks.
      piece.remove_prefix(escape ? next + (crlf ? 2 : 1) : next);
      if (!escape) {
        out += piece.substr(0, crlf ? 2 : 1);
        piece.remove_prefix(crlf ? 2 : 1);
      }
    } else if (!escape) {
      out += piece.substr(0, next);
      piece.remove_prefix(next);
    } else if (next == 1 && hex_value(piece[1]) >= 0 && piece.size() == 2) {
      return hold();
    } else if (next == 1 && hex_value(piece[1]) >= 0 && hex_value(piece[2]) >= 0) {
      out += static_cast<char>(hex_value(piece[1]) << 4 | hex_value(piece[2]));
      piece.remove_prefix(3);
    } else {
      out += '=';
      piece.remove_prefix(1);
    }
  }
}

void BodyDecoder::feed_base64(std::string_view piece, std::string& out) {
  for (char c : piece) {
    int value = base64_values[static_cast<unsigned char>(c)];
    if (value >= 0) {
      group_ = group_ << 6 | static_cast<std::uint32_t>(value);
      if (++group_digits_ == 4) end_group(out);
    } else if (c == '=') {
      // Padding ends a text, but another may follow, since careless programs join them.
      end_group(out);
    }
  }
}

void BodyDecoder::end_group(std::string& out) {
  auto bits = group_ << (6 * (4 - group_digits_));
  for (int i = 0; i + 1 < group_digits_; ++i) out += static_cast<char>(bits >> (16 - 8 * i) & 255);
  group_ = 0;
  group_digits_ = 0;
}

std::string decode_body(TransferEncoding encoding, std::string_view body) {
  BodyDecoder decoder(encoding);
  std::string out;
  out.reserve(body.size());
  decoder.feed(body, out);
  decoder.finish(out);
  return out;
}

std::string encode_quoted_printable(std::string_view text, std::string_view line_end) {
  std::string out;
  std::size_t column = 0;
  auto put = [&](std::string_view token, bool last) {
    if (column + token.size() + (last ? 0 : 1) > quoted_printable_line_bytes) {
      out.append("=").append(line_end);
      column = 0;
    }
    out += token;
    column += token.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto rest = text.substr(i);
    if (rest.front() == '\n' || rest.starts_with("\r\n")) {
      if (rest.front() == '\r') ++i;
      out += line_end;
      column = 0;
      continue;
    }
    auto behind = rest.substr(1);
    bool last = behind.empty() || behind.front() == '\n' || behind.starts_with("\r\n");
    char c = rest.front();
    bool plain = is_blank(c) ? !last : c > ' ' && c < 0x7f && c != '=';
    put(plain ? std::string(1, c) : escaped(c), last);
  }
  return out;
}

std::string decode_words(std::string_view text) {
  std::string out;
  EncodedWord pending;  // words of one charset, not yet converted
  std::string between;  // blanks since the last encoded word
  auto flush = [&] {
    if (!pending.charset.empty()) out += to_utf8(pending.charset, pending.octets).value_or("");
    pending = {};
  };
  while (!text.empty()) {
    auto start = text.find("=?");
    auto plain = text.substr(0, start);
    bool only_blanks = trim(plain).empty();
    text.remove_prefix(plain.size());
    if (only_blanks && !pending.charset.empty()) {
      between += plain;
    } else if (!plain.empty()) {
      flush();
      out += guessed_utf8(plain);
    }
    if (text.empty()) break;
    auto word = encoded_word(text);
    if (!word) {
      flush();
      out += between + "=?";
      text.remove_prefix(2);
    } else {
      if (word->charset != pending.charset) flush();
      pending.charset = word->charset;
      pending.octets += word->octets;
      text.remove_prefix(word->bytes);
    }
    between.clear();
  }
  flush();
  return out + between;
}

std::string encode_words(std::string_view text) {
  auto clean = guessed_utf8(text);
  std::string_view rest = clean;
  // Q is readable, so it is used unless it is more than half as long again.
  bool q = q_encoded(rest).size() * 2 <= base64_bytes(rest.size()) * 3;
  std::string prefix = q ? "=?utf-8?Q?" : "=?utf-8?B?";
  auto room = encoded_word_bytes_max - prefix.size() - 2;
  std::string out;
  while (!rest.empty()) {
    std::size_t bytes = 0;
    std::string encoded;
    while (bytes < rest.size()) {
      auto character = rest.substr(bytes, character_bytes(rest.substr(bytes)));
      auto more = q ? encoded + q_encoded(character)
                    : base64_encode(rest.substr(0, bytes + character.size()));
      if (more.size() > room) break;
      encoded = std::move(more);
      bytes += character.size();
    }
    if (!out.empty()) out += ' ';
    out += prefix + encoded + "?=";
    rest.remove_prefix(bytes);
  }
  return out;
}

std::optional<std::string> encode_utf7(std::string_view name) {
  if (!is_utf8(name)) return {};
  std::string out;
  std::string shifted;
  while (!name.empty()) {
    auto character = name.substr(0, character_bytes(name));
    name.remove_prefix(character.size());
    bool plain = is_utf7_plain(character.front());
    if (!plain) append_utf16(code_point(character), shifted);
    if (!shifted.empty() && (plain || name.empty())) {
      out += utf7_shifted(shifted);
      shifted.clear();
    }
    if (plain) out += character == "&" ? "&-" : character;
  }
  return out;
}

std::optional<std::string> decode_utf7(std::string_view name) {
  std::string out;
  for (auto rest = name; !rest.empty();) {
    if (rest.front() != '&') {
      out += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    auto end = rest.find('-');
    if (end == std::string_view::npos) return {};
    auto digits = std::string(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
    if (digits.empty()) {
      out += '&';
      continue;
    }
    std::ranges::replace(digits, ',', '/');
    auto converted = to_utf8("utf-16be", decode_body(TransferEncoding::Base64, digits));
    out += converted.value_or("");
  }
  // Only the canonical form is valid, which encoding gives again.
  if (encode_utf7(out) != name) return {};
  return out;
}

}  // namespace pennypost
