// postmap(1)'s arguments in; a table built, changed, asked or listed out.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs postmap with the arguments after its name; see postmap.cpp for its manual. Returns the exit
/// status: 0, or 1 where a key is not there or something was wrong, said on `err`.
int postmap(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
