// `pennypost dkim`: makes, lists and retires the keys that sign mail.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs `pennypost dkim` with the arguments after its name; see dkim.cpp for its manual. Returns
/// the exit status: 0, 1 after an error, which is written to `err`, or 64 for wrong arguments.
int dkim(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
