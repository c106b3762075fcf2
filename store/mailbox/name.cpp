// Validates folder names, and converts them to and from modified UTF-7, their form on disk.
//
// STANDARDS  RFC 3501 section 5.1 (names), 5.1.3 (modified UTF-7), RFC 9051 section 5.1 (UTF-8),
//            RFC 6154 section 2 (special use)
#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/text.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {
namespace {

constexpr std::size_t level_bytes_max = 200;
constexpr std::size_t directory_bytes_max = 250;
// With the longest suffix, .journal or .state.tmp, it is a file's name.
constexpr std::size_t escaped_bytes_max = 245;
constexpr std::string_view lock_suffix = ".lock";
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

// The next code point of `text`, which loses it; nothing where it is not UTF-8 (RFC 3629).
std::optional<char32_t> next_code_point(std::string_view& text) {
  auto first = static_cast<unsigned char>(text.front());
  std::size_t length = first < 0x80   ? 1
                       : first < 0xc2 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                                      : 4;
  if (length == 0 || first > 0xf4 || text.size() < length) return {};
  char32_t point = length == 1 ? first : first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    point = point << 6 | (byte & 0x3f);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return {};
  text.remove_prefix(length);
  return point;
}

void append_utf8(std::string& out, char32_t point) {
  auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xe0 | point >> 12);
    } else {
      put(0xf0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3f));
    }
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

bool is_direct(char32_t point) { return point >= 0x20 && point < 0x7f; }

// UTF-16 units as base64 with ',' for '/', without padding.
void append_shifted(std::string& out, const std::vector<std::uint16_t>& units) {
  out += '&';
  std::uint32_t bits = 0;
  int count = 0;
  for (auto unit : units) {
    bits = bits << 16 | unit;
    for (count += 16; count >= 6; count -= 6) out += alphabet[bits >> (count - 6) & 63];
    bits &= (1u << count) - 1;
  }
  if (count > 0) out += alphabet[bits << (6 - count) & 63];
  out += '-';
}

// The code points of one base64 run; nothing if it is not canonical.
bool append_unshifted(std::string& out, std::string_view run) {
  std::uint32_t bits = 0;
  int count = 0;
  char32_t high = 0;
  for (char c : run) {
    auto value = alphabet.find(c);
    if (value == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 16) continue;
    count -= 16;
    char32_t unit = bits >> count & 0xffff;
    bits &= (1u << count) - 1;
    if (high != 0) {
      if (unit < 0xdc00 || unit > 0xdfff) return false;
      append_utf8(out, 0x10000 + ((high - 0xd800) << 10 | (unit - 0xdc00)));
      high = 0;
    } else if (unit >= 0xd800 && unit < 0xdc00) {
      high = unit;
    } else if ((unit >= 0xdc00 && unit < 0xe000) || is_direct(unit)) {
      return false;
    } else {
      append_utf8(out, unit);
    }
  }
  return high == 0 && count < 6 && bits == 0;
}

Error bad_name(std::string_view why) {
  return Error(550, ResponseCode::Cannot, "Mailbox name " + std::string(why));
}

}  // namespace

std::optional<std::string> modified_utf7_encode(std::string_view utf8) {
  std::string out;
  std::vector<std::uint16_t> units;
  auto flush = [&] {
    if (!units.empty()) append_shifted(out, units);
    units.clear();
  };
  while (!utf8.empty()) {
    auto point = next_code_point(utf8);
    if (!point) return {};
    if (is_direct(*point)) {
      flush();
      out += static_cast<char>(*point);
      if (*point == '&') out += '-';
    } else if (*point < 0x10000) {
      units.push_back(static_cast<std::uint16_t>(*point));
    } else {
      auto rest = *point - 0x10000;
      units.push_back(static_cast<std::uint16_t>(0xd800 + (rest >> 10)));
      units.push_back(static_cast<std::uint16_t>(0xdc00 + (rest & 0x3ff)));
    }
  }
  flush();
  return out;
}

std::optional<std::string> modified_utf7_decode(std::string_view utf7) {
  std::string out;
  bool after_run = false;
  while (!utf7.empty()) {
    char c = utf7.front();
    if (!is_direct(static_cast<unsigned char>(c))) return {};
    utf7.remove_prefix(1);
    if (c != '&') {
      out += c;
      after_run = false;
      continue;
    }
    auto end = utf7.find('-');
    if (end == std::string_view::npos) return {};
    if (end == 0) {
      out += '&';
      after_run = false;
    } else {
      // Two runs side by side would be one run written in another way.
      if (after_run || !append_unshifted(out, utf7.substr(0, end))) return {};
      after_run = true;
    }
    utf7.remove_prefix(end + 1);
  }
  return out;
}

Result<MailboxName> MailboxName::parse(std::string_view utf8, char separator, std::size_t depth_max,
                                       std::size_t name_bytes_max) {
  if (utf8.empty()) return bad_name("is empty");
  if (utf8.size() > name_bytes_max) return bad_name("is too long");
  if (equal_nocase(utf8, "INBOX")) return inbox();
  auto levels = split(utf8, separator);
  if (levels.size() > depth_max) {
    return bad_name("has more than " + std::to_string(depth_max) + " levels");
  }
  std::string text;
  std::size_t disk_bytes = 0;
  std::size_t escaped_bytes = 0;
  for (auto level : levels) {
    auto on_disk = modified_utf7_encode(level);
    if (!on_disk) return bad_name("is not valid UTF-8");
    if (level.empty()) return bad_name("has an empty level");
    if (separator == '/' && level.starts_with('.')) {
      return bad_name("has a level that begins with a dot");
    }
    if (separator == '/' && level.ends_with(lock_suffix)) {
      return bad_name("has a level that ends in .lock, as lock files do");
    }
    if (on_disk->size() > level_bytes_max) return bad_name("has too long a level");
    for (char c : level) {
      if (is_control(c)) return bad_name("has a control character");
      if (c == '/') return bad_name("has a /, which no directory's name can hold");
    }
    disk_bytes += on_disk->size() + 1;
    // %2F and %25 in the names of the files that keep an mbox's UIDs (../mbox/state.cpp).
    auto percents = static_cast<std::size_t>(std::ranges::count(*on_disk, '%'));
    escaped_bytes += on_disk->size() + 2 * percents + (text.empty() ? 0 : 3);
    if (!text.empty()) text += separator;
    text += text.empty() && equal_nocase(level, "INBOX") ? "INBOX" : level;
  }
  // A Maildir++ folder's levels are one directory name.
  if (separator == '.' && disk_bytes > directory_bytes_max) return bad_name("is too long");
  if (separator == '/' && escaped_bytes > escaped_bytes_max) return bad_name("is too long");
  return MailboxName(std::move(text));
}

std::string_view special_use_text(SpecialUse use) {
  switch (use) {
    case SpecialUse::None:
      return "";
    case SpecialUse::All:
      return "\\All";
    case SpecialUse::Archive:
      return "\\Archive";
    case SpecialUse::Drafts:
      return "\\Drafts";
    case SpecialUse::Flagged:
      return "\\Flagged";
    case SpecialUse::Junk:
      return "\\Junk";
    case SpecialUse::Sent:
      return "\\Sent";
    case SpecialUse::Trash:
      return "\\Trash";
  }
  return "";
}

}  // namespace pennypost::store
