// `pennypost domain`: adds, removes and lists hosted domains.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs `pennypost domain` with the arguments after its name; see hosted_domains.cpp for its
/// manual. Returns the exit status: 0, or 1 after an error, which is written to `err`.
int domain(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
