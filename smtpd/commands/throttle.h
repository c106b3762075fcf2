// Lists the clients and logins whose wrong passwords are remembered, and lifts blocks, in all
// daemons at once.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Returns 0; 1 if the auth processes can't be asked or there was nothing to lift; 64 for wrong
/// arguments.
int throttle(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
