// Lists of IMAP flags, as the extension imap4flags keeps them.
//
// A flag is \Name or a keyword; a list has each flag once, ignoring case, in the order in which
// they came.
//
// LIMITS     flags_max; further flags are ignored
// STANDARDS  RFC 5232 section 2, RFC 9051 section 9 (flag)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennypost::store::sieve {

/// Whether `text` is a flag that can be set: \Seen, \Answered, \Flagged, \Deleted, \Draft, or a
/// keyword; other names with a backslash fit the grammar and are ignored when they are stored.
bool is_flag(std::string_view text);

/// Adds the flags of `text`, which blanks part; what is no flag is left out.
void add_flags(std::vector<std::string>& flags, std::string_view text);
void remove_flags(std::vector<std::string>& flags, std::string_view text);

}  // namespace pennypost::store::sieve
