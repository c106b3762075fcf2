// The beginning of a message in; where its header ends, and what the server must know of it, out.
//
// A header ends at the first empty line, or before the first line that is no field and continues
// none: then an empty line is missing, and the caller puts one in, as Postfix does. A message may
// begin with an mbox's From_ line, which is made a field. A field above header_size_limit, or a
// field beyond header_count_limit, ends what is looked at.
//
// STANDARDS  RFC 5322 section 2.2, RFC 5321 sections 4.4 (Received) and 6.3 (loops)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost::smtp {

/// How much of a message is looked at for its header; the rest is body.
inline constexpr std::size_t header_block_bytes_max = 1 << 20;

struct HeaderLimits {
  std::size_t field_bytes_max = 102400;  // header_size_limit
  std::size_t fields_max = 1000;         // header_count_limit
};

struct HeaderEnd {
  std::size_t bytes = 0;           // of the fields, without the empty line
  bool is_found = false;           // false: it may go on behind `text`
  bool needs_empty_line = false;   // the body begins without one
  bool begins_with_from_ = false;  // `From ` or `>From `: not a field
};
/// `is_whole`: nothing follows `text`.
HeaderEnd find_header_end(std::string_view text, bool is_whole, const HeaderLimits& limits);

struct HeaderFacts {
  std::size_t hops = 0;    // Received fields
  std::string message_id;  // with its brackets, as the first such field has it; may be empty
};
HeaderFacts header_facts(std::string_view header);

}  // namespace pennypost::smtp
