// The configuration's alias files in, their tables out.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs newaliases (also sendmail -bi); see newaliases.cpp for its manual. Returns the exit status:
/// 0, or 1 where something was wrong, said on `err`.
int newaliases(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
