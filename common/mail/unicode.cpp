#include "common/mail/unicode.h"

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/base/assert.h"
#include "common/base/owned.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

const std::uint8_t* octets(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

/// Takes ownership of libunistring's result, which is null only if memory runs out.
std::string taken(std::uint8_t* result, std::size_t length) {
  ASSERT(result != nullptr);
  Owned<std::uint8_t, std::free> owner(result);
  return std::string(reinterpret_cast<const char*>(result), length);
}

// Eight octets at a time, with a bit pattern in each.
constexpr std::uint64_t each(std::uint64_t octet) { return octet * 0x0101010101010101u; }

std::uint64_t eight_at(const char* at) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, at, sizeof eight);
  return eight;
}

/// The octets at the front of `text` that are all ASCII, or all not.
std::string_view run(std::string_view text, bool ascii) {
  std::size_t length = 0;
  if (ascii) {
    while (length + 8 <= text.size() && (eight_at(&text[length]) & each(0x80)) == 0) length += 8;
  }
  while (length < text.size() && is_ascii(text[length]) == ascii) ++length;
  return text.substr(0, length);
}

/// Appends ASCII text in lower case: most of what is searched is such.
void append_lower(std::string& out, std::string_view ascii) {
  auto at = out.size();
  out += ascii;
  for (; at + 8 <= out.size(); at += 8) {
    auto eight = eight_at(&out[at]);
    // The highest bit of each octet from `A` on, less that of those behind `Z`.
    auto from_a = eight + each(0x80 - 'A');
    auto behind_z = eight + each(0x80 - 'Z' - 1);
    eight |= (from_a & ~behind_z & each(0x80)) >> 2;
    std::memcpy(&out[at], &eight, sizeof eight);
  }
  for (; at < out.size(); ++at) out[at] = to_lower(out[at]);
}

std::string folded_run(std::string_view text) {
  if (text.empty()) return {};
  std::size_t length = 0;
  auto* result = u8_casefold(octets(text), text.size(), nullptr, UNINORM_NFKD, nullptr, &length);
  return taken(result, length);
}

}  // namespace

bool is_utf8(std::string_view text) { return utf8_octets(text) == text.size(); }

std::size_t utf8_octets(std::string_view text) {
  // No character is in part ASCII, and most text is all ASCII.
  auto rest = text;
  while (!rest.empty()) {
    rest.remove_prefix(run(rest, true).size());
    auto other = run(rest, false);
    if (const auto* bad = u8_check(octets(other), other.size())) {
      return static_cast<std::size_t>(bad - octets(text));
    }
    rest.remove_prefix(other.size());
  }
  return text.size();
}

std::string nfc(std::string_view text) {
  if (is_ascii(text) || !is_utf8(text)) return std::string(text);
  std::size_t length = 0;
  auto* result = u8_normalize(UNINORM_NFC, octets(text), text.size(), nullptr, &length);
  return taken(result, length);
}

bool is_words(std::string_view text) {
  if (!is_utf8(text)) return false;
  constexpr std::uint32_t wanted = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N;
  while (!text.empty()) {
    ucs4_t point = 0;
    auto size = u8_mbtoucr(&point, octets(text), text.size());
    if (size <= 0) return false;
    bool is_known = point < 0x80 || uc_is_general_category_withtable(point, wanted);
    if (!is_known || uc_is_property_default_ignorable_code_point(point)) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

std::string unicode_lower(std::string_view text) {
  if (is_ascii(text) || !is_utf8(text)) return lower(text);
  std::size_t length = 0;
  auto* result = u8_tolower(octets(text), text.size(), nullptr, UNINORM_NFC, nullptr, &length);
  return taken(result, length);
}

std::string casefold(std::string_view text) {
  // In decomposed text an ASCII character does not affect its neighbours, and most text is ASCII.
  // So only the runs between ASCII are passed to the slow function.
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto plain = run(text, true);
    append_lower(out, plain);
    text.remove_prefix(plain.size());
    auto other = run(text, false);
    out += is_utf8(other) ? folded_run(other) : std::string(other);
    text.remove_prefix(other.size());
  }
  return out;
}

}  // namespace pennypost
