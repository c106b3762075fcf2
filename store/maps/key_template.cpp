#include "store/maps/key_template.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr std::string_view expansions = "sudSUD123456789";

/// An address, or another key, by its parts.
struct Parts {
  explicit Parts(std::string_view text) : all(text) {
    auto at = text.rfind('@');
    user = text.substr(0, at);
    if (at != text.npos) domain = text.substr(at + 1);
    has_at = at != text.npos;
  }
  /// From the right, from 1; empty: there is no such part.
  std::string_view label(int number) const {
    std::string_view rest = domain;
    for (;; --number) {
      auto dot = rest.rfind('.');
      if (number == 1) return dot == rest.npos ? rest : rest.substr(dot + 1);
      if (dot == rest.npos) return {};
      rest = rest.substr(0, dot);
    }
  }
  /// What an expansion stands for; nothing: it has no such part.
  std::optional<std::string_view> part(char expansion) const {
    char kind = to_lower(expansion);
    if (kind == 's') return all;
    if (kind == 'u') return has_at && user.empty() ? std::nullopt : std::optional(user);
    auto found = kind == 'd' ? domain : label(kind - '0');
    return found.empty() ? std::nullopt : std::optional(found);
  }
  std::string_view all;
  std::string_view user;
  std::string_view domain;
  bool has_at = false;
};

}  // namespace

Result<KeyTemplate> KeyTemplate::parse(std::string_view text, Of of) {
  KeyTemplate made;
  made.of_ = of;
  Piece piece;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      piece.literal += text[i];
      continue;
    }
    char expansion = ++i < text.size() ? text[i] : '\0';
    if (expansion == '%') {
      piece.literal += '%';
    } else if (expansion != '\0' && expansions.find(expansion) != expansions.npos) {
      piece.expansion = expansion;
      made.pieces_.push_back(std::exchange(piece, Piece()));
    } else {
      return Error::temporary("%" + printable(text.substr(i, 1), 4) +
                              " is filled in by nothing; write %s, %u, %d, %1 to %9, %S, %U, %D, "
                              "or %% for a percent sign");
    }
  }
  made.pieces_.push_back(std::move(piece));
  return made;
}

bool KeyTemplate::is_of_key(char expansion) const {
  return of_ == Of::Key || is_digit(expansion) || (expansion >= 'A' && expansion <= 'Z');
}

bool KeyTemplate::serves(std::string_view key) const {
  if (key.empty()) return false;
  Parts parts(key);
  return std::ranges::all_of(pieces_, [&](const Piece& piece) {
    return piece.expansion == '\0' || !is_of_key(piece.expansion) || parts.part(piece.expansion);
  });
}

std::string KeyTemplate::for_key(std::string_view key, const Quote& quote) const {
  Parts parts(key);
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (piece.expansion != '\0') text += quote(parts.part(piece.expansion).value_or(""));
  }
  return text;
}

std::optional<std::string> KeyTemplate::for_value(std::string_view value,
                                                  std::string_view key) const {
  if (value.empty()) return std::nullopt;
  Parts of_value(value);
  Parts of_key(key);
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (piece.expansion == '\0') continue;
    const Parts& parts = is_of_key(piece.expansion) ? of_key : of_value;
    auto part = parts.part(piece.expansion);
    if (!part) return std::nullopt;
    text += *part;
  }
  return text;
}

bool KeyTemplate::is_fixed() const { return pieces_.size() == 1; }

std::string KeyTemplate::unquoted(std::string_view quotes) const {
  char open = '\0';
  for (const Piece& piece : pieces_) {
    for (char c : piece.literal) {
      if (open == '\0' && (c == '\'' || c == '"')) {
        open = c;
      } else if (open == c) {
        open = '\0';
      }
    }
    bool is_quoted = open != '\0' && quotes.find(open) != quotes.npos;
    if (piece.expansion != '\0' && !is_quoted) return std::string("%") + piece.expansion;
  }
  return "";
}

}  // namespace pennypost::store
