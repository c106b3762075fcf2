// `pennypost restore`: brings back a backup of a host, or mail of one user from it.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs the command with the arguments after its name; see restore.cpp for its manual. Returns the
/// exit status.
int restore(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
