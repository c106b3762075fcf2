#include "common/mail/unicode.h"

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <cstdlib>

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

/// The octets at the front of `text` that are all ASCII, or all not.
std::string_view run(std::string_view text, bool ascii) {
  auto end = std::ranges::find_if(text, [&](char c) { return is_ascii(c) != ascii; });
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string folded_run(std::string_view text) {
  if (text.empty()) return {};
  std::size_t length = 0;
  auto* result = u8_casefold(octets(text), text.size(), nullptr, UNINORM_NFKD, nullptr, &length);
  return taken(result, length);
}

}  // namespace

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  return u8_check(octets(text), text.size()) == nullptr;
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
    for (char c : plain) out += to_lower(c);
    text.remove_prefix(plain.size());
    auto other = run(text, false);
    out += is_utf8(other) ? folded_run(other) : std::string(other);
    text.remove_prefix(other.size());
  }
  return out;
}

}  // namespace pennypost
