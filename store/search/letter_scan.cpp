#include "store/search/letter_scan.h"

#include <array>
#include <cstdint>

#include "common/mail/letters.h"

namespace pennypost::store {
namespace {

// What an octet is: an ASCII letter or digit, another ASCII character, or none of ASCII.
enum class Octet : std::uint8_t { Letter, Other, Wide };

constexpr auto octets = [] {
  std::array<Octet, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    bool is_letter = (i >= '0' && i <= '9') || (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
    table[i] = i >= 0x80 ? Octet::Wide : is_letter ? Octet::Letter : Octet::Other;
  }
  return table;
}();

Octet kind_of(char c) { return octets[static_cast<unsigned char>(c)]; }

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// How many octets a character has that begins with this one; 1 for what begins none.
std::size_t length_of(char lead) {
  auto octet = static_cast<unsigned char>(lead);
  if (octet >= 0xc2 && octet < 0xe0) return 2;
  if (octet >= 0xe0 && octet < 0xf0) return 3;
  if (octet >= 0xf0 && octet < 0xf5) return 4;
  return 1;
}

std::uint32_t point_of(std::string_view character) {
  auto lead = static_cast<unsigned char>(character.front());
  std::uint32_t point = lead & (0xffu >> (character.size() + 1));
  for (char c : character.substr(1)) {
    point = point << 6 | (static_cast<unsigned char>(c) & 0x3fu);
  }
  return point;
}

// How many octets at the front belong together: a character, or the beginning of one.
std::size_t group_length(std::string_view text) {
  auto wanted = length_of(text.front());
  std::size_t length = 1;
  while (length < wanted && length < text.size() && continues(text[length])) ++length;
  return length;
}

}  // namespace

void LetterScan::feed(std::string_view piece) {
  std::string joined;
  if (!held_.empty()) {
    joined = held_ + std::string(piece);
    held_.clear();
    piece = joined;
  }
  while (!piece.empty()) {
    std::size_t length = 0;
    switch (kind_of(piece.front())) {
      case Octet::Letter:
        while (length < piece.size() && kind_of(piece[length]) == Octet::Letter) ++length;
        visitor_.letters(piece.substr(0, length));
        break;
      case Octet::Other:
        while (length < piece.size() && kind_of(piece[length]) == Octet::Other) ++length;
        visitor_.other();
        break;
      case Octet::Wide: {
        auto rest = take_character(piece);
        if (rest.size() == piece.size()) {
          held_ = piece;
          return;
        }
        length = piece.size() - rest.size();
        break;
      }
    }
    piece.remove_prefix(length);
  }
}

// What follows the character at the front; all of `text` if more octets are needed to know it.
std::string_view LetterScan::take_character(std::string_view text) {
  auto length = group_length(text);
  auto wanted = length_of(text.front());
  if (length < wanted && length == text.size()) return text;
  auto character = text.substr(0, length);
  auto kind = length == wanted && length > 1 ? letter_kind(point_of(character)) : LetterKind::Other;
  switch (kind) {
    case LetterKind::Letter:
      visitor_.letters(character);
      break;
    case LetterKind::Ideograph:
      visitor_.ideograph(character);
      break;
    case LetterKind::Mark:
      break;
    case LetterKind::Other:
      visitor_.other();
      break;
  }
  return text.substr(length);
}

void LetterScan::end() {
  held_.clear();
  visitor_.other();
}

}  // namespace pennypost::store
