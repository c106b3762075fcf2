// Finds where an incoming message's header ends, and makes of the message what the queue keeps.
//
// The one door for all ways in: SMTP, sendmail, maildrop. A header ends at the first empty line, or
// before the first line that is no field and continues none: then an empty line is missing, and one
// is put in, as Postfix does. An mbox's From_ line at the front is made a field. The fields that
// message_drop_headers names are left out: of this header alone, never of a body or a part.
//
// LIMITS  header_block_bytes_max: a message whose header goes on behind it is refused
// STANDARDS  RFC 5322 section 2.2, RFC 5321 sections 4.4 (Received) and 6.3 (loops)
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

/// Error 552 5.3.4: what is said where the header goes on behind header_block_bytes_max.
Error header_too_long();

/// What the server must know of a header.
struct HeaderFacts {
  std::size_t hops = 0;       // Received fields
  std::string message_id;     // with its brackets, as the first such field has it; may be empty
  std::vector<Edit> dropped;  // take out the fields named in `drop`; in order of offset
};
HeaderFacts header_facts(std::string_view header, const std::vector<std::string>& drop = {});

/// `edits` of a header and `dropped`, in order of offset; an edit within a dropped field goes with
/// it.
std::vector<Edit> with_dropped(std::vector<Edit> edits, const std::vector<Edit>& dropped);

/// How many line ends of a message `edits` of its header leave; it came with `line_ends`.
std::uint64_t line_ends_left(std::string_view header, const std::vector<Edit>& edits,
                             std::uint64_t line_ends);

/// What makes a From_ line at the front a field.
inline constexpr std::string_view from_line_field = "X-Mailbox-Line: ";

/// The message as its envelope names it: `top`, the header with its edits, an empty line if one is
/// missing, the body. `bytes`: of header and body as they came.
std::vector<Piece> incoming_pieces(std::string_view top, const HeaderEnd& header,
                                   const std::vector<Edit>& edits, std::uint64_t bytes);

}  // namespace pennypost::smtp
