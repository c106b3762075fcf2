// Finds where an incoming message's header ends, and describes the message to the queue.
//
// Used for mail by SMTP, from sendmail and from maildrop. A header ends at the first empty line, or
// before the first line that is neither a field nor a continuation; in that case the missing empty
// line is inserted, as in Postfix. An mbox From_ line at the front becomes a field.
// message_drop_headers are removed from this header only, never from a body or a MIME part.
//
// LIMITS  header_block_bytes_max: a message with a longer header is refused
// STANDARDS  RFC 5322 section 2.2, RFC 5321 sections 4.4 (Received) and 6.3 (loops), RFC 8689
//            section 3 (TLS-Required)
// SEE ALSO   header_draft.h (collects the edits)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/header.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// The largest header that a message may have.
inline constexpr std::size_t header_block_bytes_max = 1 << 20;

struct HeaderEnd {
  std::size_t bytes = 0;           // of the fields, without the empty line
  bool is_found = false;           // false: the header may continue after `text`
  bool needs_empty_line = false;   // the body begins without one
  bool begins_with_from_ = false;  // `From ` or `>From `: not a field

  /// Where the body begins.
  std::uint64_t body_offset() const { return bytes + (needs_empty_line ? 0 : 1); }
};
/// `is_whole`: `text` is the whole message.
HeaderEnd find_header_end(std::string_view text, bool is_whole);

/// Error 552 5.3.4: the header is longer than header_block_bytes_max.
Error header_too_long();

/// What the server needs to know about a header.
struct HeaderFacts {
  std::size_t hops = 0;          // Received fields
  std::string message_id;        // of the first such field, with its brackets; may be empty
  bool is_tls_optional = false;  // TLS-Required: No
  bool requires_tls = false;     // require_tls_field
  std::vector<Edit> dropped;     // edits that remove the fields named in `drop`; in order of offset
};
HeaderFacts header_facts(std::string_view header, const std::vector<std::string>& drop = {});

/// Postfix's field that keeps the sender's REQUIRETLS while a content filter has the message.
inline constexpr std::string_view require_tls_field = "Require-TLS-ESMTP: yes";

/// Adds what a header wishes of TLS on the message's way to its envelope, as far as settings have
/// it obeyed.
void note_tls_wishes(const HeaderFacts& facts, const Settings& settings, Envelope& envelope);

/// How many of a message's `line_ends` are left after `edits` of its header.
std::uint64_t line_ends_left(std::string_view header, const std::vector<Edit>& edits,
                             std::uint64_t line_ends);

/// Turns a From_ line at the front into a field.
inline constexpr std::string_view from_line_field = "X-Mailbox-Line: ";

/// The message as pieces for its envelope: `top`, the edited header, an empty line if it is
/// missing, the body with its own edits, whose offsets are into the whole. `bytes`: the size of the
/// header and body received.
std::vector<Piece> incoming_pieces(std::string_view top, const HeaderEnd& header,
                                   const std::vector<Edit>& edits,
                                   const std::vector<Edit>& body_edits, std::uint64_t bytes);

}  // namespace pennypost::smtp
