// Finds where an incoming message's header ends, and describes the message to the queue.
//
// All ways in share it: SMTP, sendmail, maildrop. A header ends at the first empty line, or before
// the first line that neither is a field nor continues one; there the empty line is missing, and is
// put in, as Postfix does. An mbox's From_ line at the front becomes a field. message_drop_headers
// are removed from this header only, never from a body or a MIME part.
//
// LIMITS  header_block_bytes_max: a message with a longer header is refused
// STANDARDS  RFC 5322 section 2.2, RFC 5321 sections 4.4 (Received) and 6.3 (loops)
// SEE ALSO   header_draft.h (what is done to the header meanwhile)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/header.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// How long a message's header may be.
inline constexpr std::size_t header_block_bytes_max = 1 << 20;

struct HeaderEnd {
  std::size_t bytes = 0;           // of the fields, without the empty line
  bool is_found = false;           // false: it may go on behind `text`
  bool needs_empty_line = false;   // the body begins without one
  bool begins_with_from_ = false;  // `From ` or `>From `: not a field
};
/// `is_whole`: nothing follows `text`.
HeaderEnd find_header_end(std::string_view text, bool is_whole);

/// Error 552 5.3.4: the header is longer than header_block_bytes_max.
Error header_too_long();

/// What the server needs to know about a header.
struct HeaderFacts {
  std::size_t hops = 0;       // Received fields
  std::string message_id;     // with its brackets, as the first such field has it; may be empty
  std::vector<Edit> dropped;  // remove the fields named in `drop`; in order of offset
};
HeaderFacts header_facts(std::string_view header, const std::vector<std::string>& drop = {});

/// How many line ends of a message `edits` of its header leave; it came with `line_ends`.
std::uint64_t line_ends_left(std::string_view header, const std::vector<Edit>& edits,
                             std::uint64_t line_ends);

/// Put before a From_ line at the front, it makes a field of that line.
inline constexpr std::string_view from_line_field = "X-Mailbox-Line: ";

/// The message as its envelope names it: `top`, the header with its edits, an empty line if one is
/// missing, the body. `bytes`: of header and body as they came.
std::vector<Piece> incoming_pieces(std::string_view top, const HeaderEnd& header,
                                   const std::vector<Edit>& edits, std::uint64_t bytes);

}  // namespace pennypost::smtp
