// `pennypost backup`: keeps settings, users, queue and mail of this host in a directory.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs the command with the arguments after its name; see backup.cpp for its manual. Returns the
/// exit status.
int backup(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
