// `pennypost migrate`: writes the configuration of another mail server as ours.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs pennypost migrate; see migrate.cpp for its manual. Returns the exit status.
int migrate(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
