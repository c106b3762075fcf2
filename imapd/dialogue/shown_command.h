// Tells what of a command an admin who watches the dialogue may see.
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

/// The command as it came, with its literals; of one that logs in, no argument; of what is no
/// command nothing, since it may be a password that came too late.
std::string shown_command(std::string_view text);

}  // namespace pennypost::imap
