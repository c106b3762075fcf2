// Asks for a password on the terminal, twice and without echo.
#pragma once

#include <iosfwd>
#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost::smtp {

/// The password for `whom`, prompted for on `err`; the first line of standard input if that is no
/// terminal. Error: there is none, or the two differ.
Result<Secret> ask_password(const std::string& whom, std::ostream& err);

}  // namespace pennypost::smtp
