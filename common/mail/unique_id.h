// Makes the ids by which POP3 clients recognize messages (UIDL), according to `pop3_uidl_format`:
// the same octets as Dovecot 2.3 for the same format.
//
//   format   = *(literal / "%%" / "%" ["0"] [width] *modifier variable)
//   variable = "u" (UID) / "v" (UIDVALIDITY) / "f" (file name) / "g" (GUID)
//   modifier = "X" (hexadecimal, in lower case) / "L" / "U" (in lower, in upper case)
//
// Modifiers apply from left to right; a width with a leading 0 pads a shorter value with zeros, one
// without truncates a longer value. So Dovecot's default %08Xu%08Xv gives `0000002a5f3c9b01`.
// Dovecot's other variables and modifiers are not supported.
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

/// The data about a message; `file` is without its flags. Both `file` and `guid` are empty in an
/// mbox.
struct UniqueIdParts {
  std::uint32_t uid = 0;
  std::uint32_t uid_validity = 0;
  std::string_view file;
  std::string_view guid;
};

class UniqueIdFormat {
 public:
  /// Error: unknown variables or modifiers, characters that are not allowed in an id, ids that
  /// would be the same for all messages, or longer than 70 characters.
  static Result<UniqueIdFormat> parse(std::string_view format);

  static constexpr std::string_view default_text = "%08Xu%08Xv";
  /// The default format, which gives every message an id.
  static const UniqueIdFormat& default_format();

  /// Nothing if the message has no file name or GUID, or one that is not a valid id, such as one
  /// with blanks.
  std::optional<std::string> id(const UniqueIdParts& parts) const;
  /// Whether it uses the file name or the GUID.
  bool uses_files() const;

 private:
  struct Item {
    std::string literal;
    char variable = '\0';  // '\0' for a literal
    std::string modifiers;
    bool fills = false;
    std::size_t width = 0;  // 0: any
  };
  static std::string text_of(const Item& item, const UniqueIdParts& parts);
  bool has(std::string_view variables) const;
  std::vector<Item> items_;
};

/// Whether it can be sent as an id: 1 to 255 visible ASCII characters.
bool is_unique_id(std::string_view text);

}  // namespace pennypost
