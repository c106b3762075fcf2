// Parses which of many results a client wants: `1:100`, or `-1:-100` counted from the end.
//
// STANDARDS  RFC 9394 section 3.1, RFC 5267 section 4.4
#pragma once

#include <cstdint>

#include "imapd/grammar/cursor.h"

namespace pennypost::imap {

/// The results from one to another, counted from 1, or from the last where `from_end`.
struct PartialResult {
  std::uint32_t first = 1;
  std::uint32_t last = 1;
  bool from_end = false;
};

Result<PartialResult> parse_partial_result(Cursor& cursor);

}  // namespace pennypost::imap
