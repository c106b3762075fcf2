// postmap(1): builds, changes, asks or lists a look-up table.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs postmap with the arguments after its name; see postmap.cpp for its manual. Returns the exit
/// status: 0, or 1 where a key is not there or something was wrong, said on `err`.
int postmap(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
