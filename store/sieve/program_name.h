// Checks the names and arguments of programs that scripts run.
//
// STANDARDS  Pigeonhole's specification of its extension extprograms, sections 3 and 4
#pragma once

#include <string>

namespace pennypost::store::sieve {

/// What is wrong with the name of a program: UTF-8 without control characters, line separators and
/// `/`, which names a file of the admin's directory and no other. Empty: nothing.
std::string program_name_trouble(const std::string& name);
/// The same of an argument: no NUL, CR and LF, at most program_argument_bytes_max octets.
std::string program_argument_trouble(const std::string& argument);

}  // namespace pennypost::store::sieve
