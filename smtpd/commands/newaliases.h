// newaliases(1): builds the tables of the configuration's alias files.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "common/config/config.h"

namespace pennypost::smtp {

/// Runs newaliases (also sendmail -bi); see newaliases.cpp for its manual. Returns the exit status:
/// 0, or 1 where something was wrong, said on `err`.
int newaliases(std::span<const std::string> args, std::ostream& out, std::ostream& err);

/// Builds the tables of alias_database whose source is newer than what was built from it; says
/// which on `out`. False where one could not be built, said on `err`.
bool build_stale_aliases(const Config& config, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
