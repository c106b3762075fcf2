// Makes the variable envelope return path (VERP) of one recipient, so that a bounce says by its own
// address for whom the mail was: list@example.org with `+=` and bob@example.net becomes
// list+bob=example.net@example.org.
//
// SEE ALSO   Postfix's VERP_README
#pragma once

#include <string>
#include <string_view>

namespace pennypost::smtp {

/// The sender for this recipient. `delimiters` are two characters. The null sender stays as it is,
/// and one that would become too long for an address.
std::string verp_sender(const std::string& sender, std::string_view delimiters,
                        std::string_view recipient);

/// Whether these may be delimiters: two characters of `allowed` (verp_delimiter_filter).
bool are_verp_delimiters(std::string_view text, std::string_view allowed);

}  // namespace pennypost::smtp
