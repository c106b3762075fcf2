// postconf(1): prints and changes settings.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs postconf with the arguments after its name; see postconf.cpp for its manual. Returns the
/// exit status: 0, or 1 after an error, which is written to `err`.
int postconf(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
