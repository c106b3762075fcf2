// postmap(1): builds, changes, queries or lists a look-up table.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs postmap with the arguments after its name; see postmap.cpp for its manual. Returns the exit
/// status: 0, or 1 if a key was not found or after an error, which is written to `err`.
int postmap(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
