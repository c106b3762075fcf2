// Checks a parsed script against the command table and makes the Script that can be run.
//
// Every mistake is told, in the order of the script, at most mistakes_max; each says what would be
// right. What `require` does not name is unknown, as RFC 5228 section 2.10.5 asks.
//
// With `ihave` (RFC 5463) the block of an `if` whose test is false for certain is not checked.
//
// SEE ALSO   parser.h, command_table.h, argument_checks.h
#pragma once

#include <memory>
#include <string_view>

#include "store/sieve/mistake.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

struct CompiledScript {
  std::shared_ptr<const Script> script;  // null if there are mistakes
  Mistakes mistakes;
};

/// Parses and checks. `offered`: which extensions a script may require here.
CompiledScript compile(std::string_view text, const Extensions& offered = usual_extensions());

}  // namespace pennypost::store::sieve
