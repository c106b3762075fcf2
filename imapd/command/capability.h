// What imap_capability makes of the capabilities that the command table gives.
//
// SEE ALSO   table.h (capability_text)
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

/// `own` as the setting changes it: its names take the place of ours; if the first begins with `+`,
/// all are added to ours (Dovecot's rule).
std::string with_setting(std::string own, std::string_view setting);

/// The capabilities without those that a user's imap_capability hides, such as `-NOTIFY,-QRESYNC`.
std::string without(std::string own, std::string_view hidden);

}  // namespace pennypost::imap
