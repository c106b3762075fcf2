// Shows whose wrong passwords are remembered, and lifts blocks, in all daemons at once.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// 0; 1 where the auth processes can't be asked or nothing was to lift; 64 for a wrong call.
int throttle(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
