// Parses the arguments of GETMETADATA and SETMETADATA, and the entries that LIST RETURN (METADATA
// …) names.
//
//   a1 GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX (/shared/comment /private/filters)
//   a2 SETMETADATA "" (/private/comment "a text" /private/old NIL)
//
// The options may also stand behind the mailbox, as in an example of RFC 5464. Names are kept in
// lower case. As in requests.h, what does not follow the grammar is Error 501.
//
// STANDARDS  RFC 5464 sections 3.1, 4.2, 4.3 and 5, RFC 9590 (LIST-METADATA)
// LIMITS     list_items_max entries, entry_bytes_max octets of a name
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/cursor.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

inline constexpr std::size_t entry_bytes_max = 1024;

struct GetMetadataRequest {
  /// How far below the named entries: 0 for themselves alone.
  enum class Depth : std::uint8_t { Zero, One, Infinity };
  /// As the client writes it; "" for the account itself.
  std::string mailbox;
  Depth depth = Depth::Zero;
  /// Greater values are left out.
  std::optional<std::uint64_t> bytes_max;
  /// At least one, in lower case.
  std::vector<std::string> entries;
};
Result<GetMetadataRequest> parse_get_metadata(std::string_view arguments, const Limits& limits);

struct SetMetadataRequest {
  std::string mailbox;
  /// Nothing removes the entry.
  std::map<std::string, std::optional<std::string>> values;
};
Result<SetMetadataRequest> parse_set_metadata(std::string_view arguments, const Limits& limits);

/// One entry, or `(ENTRY ENTRY)`.
Result<std::vector<std::string>> parse_entries(Cursor& cursor);

}  // namespace pennypost::imap
