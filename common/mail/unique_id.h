// The ids by which POP3 clients know the messages they have (UIDL), written as `pop3_uidl_format`
// says: the same octets that Dovecot 2.3 gives for the same format.
//
//   format   = *(literal / "%%" / "%" ["0"] [width] *modifier variable)
//   variable = "u" (UID) / "v" (UIDVALIDITY) / "f" (file name) / "g" (GUID)
//   modifier = "X" (hexadecimal, in lower case) / "L" / "U" (in lower, in upper case)
//
// Modifiers work from left to right; a width with a leading 0 fills a shorter value with zeros, one
// without cuts a longer value off. So Dovecot's default %08Xu%08Xv gives `0000002a5f3c9b01`. Of
// Dovecot's other variables and modifiers none is known.
//
// STANDARDS  RFC 1939 section 7 (1 to 70 visible ASCII characters; file names may be longer)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

/// What is known of a message; `file` without its flags, and empty in an mbox, as is `guid`.
struct UniqueIdParts {
  std::uint32_t uid = 0;
  std::uint32_t uid_validity = 0;
  std::string_view file;
  std::string_view guid;
};

class UniqueIdFormat {
 public:
  /// Error: unknown variables or modifiers, characters that no id may have, nothing that tells
  /// messages apart, ids longer than 70 characters.
  static Result<UniqueIdFormat> parse(std::string_view format);

  static constexpr std::string_view default_text = "%08Xu%08Xv";
  /// The default's, which gives every message an id.
  static const UniqueIdFormat& default_format();

  /// Nothing: the message has no file name or GUID, or one that is no id, such as with blanks.
  std::optional<std::string> id(const UniqueIdParts& parts) const;
  /// Whether it takes the file name or the GUID.
  bool uses_files() const;

 private:
  struct Item {
    std::string literal;
    char variable = '\0';  // of a literal none
    std::string modifiers;
    bool fills = false;
    std::size_t width = 0;  // 0: any
  };
  static std::string text_of(const Item& item, const UniqueIdParts& parts);
  bool has(std::string_view variables) const;
  std::vector<Item> items_;
};

/// 1 to 255 visible ASCII characters: what can be sent as an id.
bool is_unique_id(std::string_view text);

}  // namespace pennypost
