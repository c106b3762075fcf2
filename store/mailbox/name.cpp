// Validates folder names, and converts them to and from modified UTF-7, their form on disk.
//
// STANDARDS  RFC 3501 section 5.1 (names), 5.1.3 (modified UTF-7), RFC 9051 section 5.1 (UTF-8),
//            RFC 6154 section 2 (special use)
#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {
namespace {

constexpr std::size_t level_bytes_max = 200;
constexpr std::size_t directory_bytes_max = 250;
constexpr std::string_view lock_suffix = ".lock";

Error bad_name(std::string_view why) {
  return Error(550, ResponseCode::Cannot, "Mailbox name " + std::string(why));
}

}  // namespace

std::optional<std::string> modified_utf7_encode(std::string_view utf8) { return encode_utf7(utf8); }

std::optional<std::string> modified_utf7_decode(std::string_view utf7) { return decode_utf7(utf7); }

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
    if (!text.empty()) text += separator;
    text += text.empty() && equal_nocase(level, "INBOX") ? "INBOX" : level;
  }
  // A Maildir++ folder's levels are one directory name.
  if (separator == '.' && disk_bytes > directory_bytes_max) return bad_name("is too long");
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
