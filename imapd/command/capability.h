// What imap_capability makes of the capabilities that the command table gives.
//
// SEE ALSO   table.h (capability_text)
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

class Conversation;

/// `own` as the setting changes it: its names take the place of ours; if the first begins with `+`
/// or `-`, ours stay, those with `+` are added (Dovecot's rule), and those with `-` taken away.
std::string with_setting(std::string own, std::string_view setting);

/// The capabilities without those that a user's imap_capability hides, such as `-NOTIFY,-QRESYNC`.
std::string without(std::string own, std::string_view hidden);

/// Whether CAPABILITY names it now, in any case: an extension that is hidden can't be enabled.
bool is_announced(const Conversation& context, std::string_view name);

}  // namespace pennypost::imap
