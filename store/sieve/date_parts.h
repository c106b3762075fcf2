// Shows parts of a date as text, for the tests `date` and `currentdate`.
//
// STANDARDS  RFC 5260 section 4.2
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/mail/date.h"

namespace pennypost::store::sieve {

/// Whether there is a part of that name, ignoring case: `year`, `weekday` ...
bool is_date_part(std::string_view name);
/// All names, for a message.
std::string date_part_names();

/// The part as text, in the zone of `date`; nothing if there is no such part.
std::optional<std::string> date_part(std::string_view name, MailDate date);

/// Minutes east of UTC of `+hhmm` or `-hhmm`.
std::optional<int> parse_zone(std::string_view text);

}  // namespace pennypost::store::sieve
