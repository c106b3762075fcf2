// newaliases(1): builds the tables of the configuration's alias files.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "common/config/config.h"

namespace pennypost::smtp {

/// Runs newaliases (also sendmail -bi); see newaliases.cpp for its manual. Returns the exit status:
/// 0, or 1 after an error, which is written to `err`.
int newaliases(std::span<const std::string> args, std::ostream& out, std::ostream& err);

/// Builds the tables of alias_database whose source is newer than the table; lists them on `out`.
/// False if one could not be built; the reason is written to `err`.
bool build_stale_aliases(const Config& config, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
