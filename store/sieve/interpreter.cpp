// Makes a Run for each message.
#include "store/sieve/interpreter.h"

#include "store/sieve/run.h"

namespace pennypost::store::sieve {

Outcome run_script(const Script& script, std::string_view message, const Environment& environment,
                   const RunLimits& limits) {
  Run run(message, environment, limits);
  return run.outcome_of(script);
}

}  // namespace pennypost::store::sieve
