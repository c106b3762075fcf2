// Runs a Script over a message and tells what is to be done with it.
//
// Nothing is done here: the outcome is a list of actions. What goes wrong in the run (a limit, a
// string that became no address) ends it, and the message is kept in INBOX as it came (RFC 5228
// section 2.10.6); the outcome says what and where, for the script's owner.
//
// SEE ALSO   checker.h (makes a Script), environment.h (what a script may ask), actions.h
#pragma once

#include <string_view>

#include "store/sieve/actions.h"
#include "store/sieve/environment.h"
#include "store/sieve/limits.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// `message`: with LF or CRLF line ends.
Outcome run_script(const Script& script, std::string_view message, const Environment& environment,
                   const RunLimits& limits = {});

}  // namespace pennypost::store::sieve
