// `pennypost user`: adds, changes, removes, lists and blocks users.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs `pennypost user` with the arguments after its name; see user.cpp for its manual. Returns
/// the exit status: 0, or 1 after an error, which is written to `err`.
int user(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
