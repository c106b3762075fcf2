// Parses and builds the names of message files: base name, sizes and flags.
//
//   name  = base [ ":2," flags ]
//   base  = unique *( "," letter "=" value )      S= bytes of the file, W= octets with CRLF
//   flags = *( "D" | "F" | "P" | "R" | "S" | "T" | a-z )   in ASCII order
//
// The base never changes while the message exists; the part after the colon does. Letters a to z
// are keywords by their number in dovecot-keywords; letters not named above are kept.
//
// STANDARDS  https://cr.yp.to/proto/maildir.html, Dovecot's Maildir extensions
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/mailbox/message.h"

namespace pennypost::store {

/// Whether a file in new/ or cur/ is a message. Hidden files are not, nor files whose names can't
/// be in a line of dovecot-uidlist (no base name, a CR or LF); Dovecot skips these as well.
bool is_message_name(std::string_view filename);

/// The part before the ":2,".
std::string_view base_of(std::string_view filename);

/// The number after ",S=" or ",W=" in a base name.
std::optional<std::uint64_t> size_in_name(std::string_view base, char letter);

/// The sizes in a base name. Any program may have changed the file since, so they are believed only
/// together with the file's actual size.
struct SizesInName {
  std::optional<std::uint64_t> bytes;   // S
  std::optional<std::uint64_t> octets;  // W

  static SizesInName of(std::string_view base);
  /// Whether they are plausible for a file of `stored` bytes: each line end is one byte or two
  /// octets.
  bool are_of(std::uint64_t stored) const;
};

/// The part after the ":2,".
struct FilenameFlags {
  Flags flags;
  KeywordSet keywords = 0;

  static FilenameFlags parse(std::string_view filename);
  /// "base:2,flags"; letters of `old_name` that are neither flags nor keywords are kept.
  std::string apply(std::string_view old_name) const;
  friend bool operator==(const FilenameFlags&, const FilenameFlags&) = default;
};

/// ":2," and the letters of these flags and keywords, in ASCII order.
void append_info(std::string& out, Flags flags, KeywordSet keywords);

/// A name that no other file on any host has: "seconds.MmicrosecondsPpidQcount.host".
std::string unique_filename(std::int64_t now_us, std::string_view hostname);

/// A host's name without the characters that a Maildir name can't have (`/` and `:`).
std::string filename_host(std::string_view hostname);

/// The seconds at the beginning of a name; 0 if there are none.
std::uint64_t seconds_in_name(std::string_view filename);

}  // namespace pennypost::store
