// postmap(1), postalias(1): build, change, query or list look-up tables.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Run with the arguments after the command's name; see postmap.cpp for their manual. They return
/// the exit status: 0, or 1 if a key was not found or after an error, which is written to `err`.
int postmap(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int postalias(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
