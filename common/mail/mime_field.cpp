#include "common/mail/mime_field.h"

#include <algorithm>
#include <map>

#include "common/base/text.h"
#include "common/mail/charset.h"
#include "common/mail/encoded.h"

namespace pennypost {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// Skips white space and comments (RFC 5322 section 3.2.2).
  void skip_blanks() {
    for (int depth = 0; !at_end(); ++at_) {
      if (peek() == '(') ++depth;
      if (depth == 0 && !is_space(peek())) return;
      if (peek() == ')') --depth;
      if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
    }
  }

  /// Reads up to one of `stops`, a blank or a comment.
  std::string token(std::string_view stops) {
    auto begin = at_;
    while (!at_end() && !is_space(peek()) && peek() != '(' &&
           stops.find(peek()) == std::string_view::npos) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted_string() {
    std::string out;
    ++at_;
    while (!at_end() && !take('"')) {
      if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
      if (peek() != '\r' && peek() != '\n') out += peek();
      ++at_;
    }
    return out;
  }

  /// Reads a value that should have been quoted: up to `;`, without a comment at its end.
  std::string loose_value() {
    auto end = std::min(text_.find(';', at_), text_.size());
    auto value = text_.substr(at_, end - at_);
    at_ = end;
    if (auto comment = value.find(" ("); comment != std::string_view::npos) {
      value = value.substr(0, comment);
    }
    return unfolded(trim(value));
  }

  void skip_past_semicolon() {
    auto end = text_.find(';', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

 private:
  static std::string unfolded(std::string_view text) {
    std::string out;
    for (char c : text) {
      if (c != '\r' && c != '\n') out += c;
    }
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// RFC 2231 section 7, attribute-char.
bool is_attribute_char(char c) {
  return c > ' ' && c < 0x7f &&
         std::string_view("*'%()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_attribute_char(c)) {
      out += c;
    } else {
      out += "%" + upper(hex_encode(std::string_view(&c, 1)));
    }
  }
  return out;
}

int hex_value(char c) {
  c = to_lower(c);
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// One piece of a parameter split by RFC 2231 section 3.
struct Piece {
  std::string value;
  bool extended = false;
};
struct Pieces {
  std::string name;
  std::size_t position = 0;  // in the list, of the first piece
  std::map<std::size_t, Piece> by_number;
};

/// Splits `name*3` or `name*3*`; nothing for other names.
struct PieceName {
  std::string name;
  std::size_t number;
  bool extended;
};
std::optional<PieceName> piece_name(std::string_view name) {
  bool extended = name.ends_with('*');
  if (extended) name.remove_suffix(1);
  auto star = name.rfind('*');
  if (star == std::string_view::npos || star == 0) return {};
  auto number = parse_number(name.substr(star + 1));
  if (!number || *number >= mime_parameter_pieces_max) return {};
  return PieceName{std::string(name.substr(0, star)), *number, extended};
}

/// The pieces up to the first gap as one parameter.
MimeParameter joined(const Pieces& pieces) {
  bool extended = false;
  std::size_t expected = 0;
  for (const auto& [number, piece] : pieces.by_number) {
    if (number != expected++) break;
    extended = extended || piece.extended;
  }
  MimeParameter parameter{pieces.name + (extended ? "*" : ""), ""};
  // If only later pieces are extended, the value still needs a charset and language, both empty.
  auto first = pieces.by_number.find(0);
  if (extended && first != pieces.by_number.end() && !first->second.extended)
    parameter.value = "''";
  expected = 0;
  for (const auto& [number, piece] : pieces.by_number) {
    if (number != expected++) break;
    parameter.value += extended && !piece.extended ? percent_encoded(piece.value) : piece.value;
  }
  return parameter;
}

}  // namespace

std::string MimeParameter::utf8() const {
  if (!name.ends_with('*')) return decode_words(value);
  auto language = value.find('\'');
  auto text = language == std::string::npos ? language : value.find('\'', language + 1);
  if (text == std::string::npos) return guessed_utf8(percent_decoded(value));
  auto octets = percent_decoded(std::string_view(value).substr(text + 1));
  auto converted = to_utf8(std::string_view(value).substr(0, language), octets);
  return converted ? *converted : guessed_utf8(octets);
}

std::optional<std::string> find_parameter(const std::vector<MimeParameter>& parameters,
                                          std::string_view name) {
  for (const auto& one : parameters) {
    if (equal_nocase(one.name, name)) return one.value;
  }
  return {};
}

std::optional<std::string> find_parameter_utf8(const std::vector<MimeParameter>& parameters,
                                               std::string_view name) {
  for (const auto& wanted : {std::string(name) + "*", std::string(name)}) {
    for (const auto& one : parameters) {
      if (equal_nocase(one.name, wanted)) return one.utf8();
    }
  }
  return {};
}

MimeValue parse_mime_value(std::string_view body) {
  Scanner scanner(body);
  MimeValue out;
  for (;;) {
    scanner.skip_blanks();
    auto token = scanner.token(";");
    if (token.empty()) break;
    // `text / plain` is obsolete syntax; otherwise blanks end a value.
    bool open = out.value.empty() || out.value.ends_with('/') || token.starts_with('/');
    if (!open) break;
    out.value += token;
  }
  scanner.skip_past_semicolon();
  std::vector<Pieces> cut;
  for (std::size_t seen = 0; !scanner.at_end() && seen < mime_parameters_max; ++seen) {
    scanner.skip_blanks();
    MimeParameter parameter{scanner.token("=;"), ""};
    scanner.skip_blanks();
    if (!scanner.take('=')) {
      scanner.skip_past_semicolon();
      continue;
    }
    scanner.skip_blanks();
    bool quoted = scanner.peek() == '"';
    parameter.value = quoted ? scanner.quoted_string() : scanner.loose_value();
    // After a quoted value, text without a `;` is the next parameter.
    scanner.skip_blanks();
    scanner.take(';');
    if (parameter.name.empty()) continue;
    auto piece = piece_name(parameter.name);
    if (!piece) {
      out.parameters.push_back(std::move(parameter));
      continue;
    }
    auto same = std::ranges::find_if(
        cut, [&](const auto& one) { return equal_nocase(one.name, piece->name); });
    if (same == cut.end()) {
      same = cut.insert(cut.end(), Pieces{piece->name, out.parameters.size(), {}});
      out.parameters.push_back({});
    }
    same->by_number.insert({piece->number, Piece{std::move(parameter.value), piece->extended}});
  }
  for (const auto& pieces : cut) out.parameters[pieces.position] = joined(pieces);
  return out;
}

std::vector<std::string> parse_content_language(std::string_view body) {
  Scanner scanner(body);
  std::vector<std::string> tags;
  while (tags.size() < content_languages_max) {
    scanner.skip_blanks();
    if (scanner.at_end()) break;
    if (scanner.take(',')) continue;
    tags.push_back(scanner.token(","));
  }
  return tags;
}

}  // namespace pennypost
