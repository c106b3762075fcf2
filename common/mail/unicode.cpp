#include "common/mail/unicode.h"

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include <cstdlib>
#include <memory>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

const std::uint8_t* octets(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

/// Takes over what libunistring allocated; it gives nothing only when memory is out.
std::string taken(std::uint8_t* result, std::size_t length) {
  ASSERT(result != nullptr);
  std::unique_ptr<std::uint8_t, decltype(&std::free)> owner(result, &std::free);
  return std::string(reinterpret_cast<const char*>(result), length);
}

}  // namespace

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  return u8_check(octets(text), text.size()) == nullptr;
}

std::string unicode_lower(std::string_view text) {
  if (is_ascii(text) || !is_utf8(text)) return lower(text);
  std::size_t length = 0;
  auto* result = u8_tolower(octets(text), text.size(), nullptr, UNINORM_NFC, nullptr, &length);
  return taken(result, length);
}

std::string casefold(std::string_view text) {
  if (is_ascii(text) || !is_utf8(text)) return lower(text);
  std::size_t length = 0;
  auto* result = u8_casefold(octets(text), text.size(), nullptr, UNINORM_NFKD, nullptr, &length);
  return taken(result, length);
}

}  // namespace pennypost
