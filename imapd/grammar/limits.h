// Names the limits of one IMAP command, which the parsers keep.
//
// The session fills them from the parameters; the values here are Dovecot's, and hold in the tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pennypost::imap {

struct Limits {
  /// One line of a command, up to its literal or its end (Dovecot: imap_max_line_length).
  std::size_t line_bytes_max = 65536;
  /// One literal that is kept in memory: mailbox names, search texts, header field names.
  std::size_t literal_bytes_max = 65536;
  /// A whole command with its literals, without the message literals of APPEND.
  std::size_t command_bytes_max = 262144;
  /// One message literal of APPEND; it goes to a file, never into memory.
  std::uint64_t message_bytes_max = 50ull << 20;
  /// What of a refused LITERAL+ is read and thrown away; beyond it the connection ends.
  std::uint64_t skip_bytes_max = 64ull << 20;
  /// Literals of one command.
  std::size_t literals_max = 64;
  /// Open parentheses, and NOT and OR in a row.
  std::size_t nesting_max = 50;
  /// Members of one list: flags, fetch items, header fields, ranges of a set.
  std::size_t list_items_max = 16384;
  /// Keys of one SEARCH, and patterns of one LIST.
  std::size_t search_keys_max = 1000;
  std::size_t list_patterns_max = 100;
};

/// What a client may send before it is authenticated; RFC 2971 section 3.3 lets ID have about
/// 33,000 octets.
inline constexpr Limits login_limits{.line_bytes_max = 36864,
                                     .literal_bytes_max = 4096,
                                     .command_bytes_max = 40960,
                                     // Of any size: APPEND is refused for what it is.
                                     .message_bytes_max = UINT64_MAX,
                                     .skip_bytes_max = 65536,
                                     .literals_max = 64,
                                     .nesting_max = 4,
                                     .list_items_max = 64,
                                     .search_keys_max = 1,
                                     .list_patterns_max = 1};

}  // namespace pennypost::imap
