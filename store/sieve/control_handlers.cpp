// Handlers of what steers a script: logic, include and return, stop, break, error.
#include <algorithm>

#include "common/base/text.h"
#include "store/sieve/handlers.h"
#include "store/sieve/run.h"

namespace pennypost::store::sieve {

Result<bool> allof(Run& run, const Command& test) {
  for (const auto& each : test.tests) {
    TRY(bool is_true, run.test(each));
    if (!is_true) return false;
  }
  return true;
}

Result<bool> anyof(Run& run, const Command& test) {
  for (const auto& each : test.tests) {
    TRY(bool is_true, run.test(each));
    if (is_true) return true;
  }
  return false;
}

Result<bool> negation(Run& run, const Command& test) {
  TRY(bool is_true, run.test(test.tests[0]));
  return !is_true;
}

Result<bool> always(Run&, const Command&) { return true; }
Result<bool> never(Run&, const Command&) { return false; }

/// RFC 5463 section 4
Result<bool> ihave(Run& run, const Command& test) {
  return std::ranges::all_of(test.arguments[0].strings, [&run](const Text& name) {
    return can_be_had(name.text, run.extensions(), run.offered());
  });
}

/// RFC 5463 section 5
Result<void> error(Run& run, const Command& command) {
  return Error::permanent("the script says: " + printable(run.text(command.arguments[0])));
}

Result<void> stop(Run& run, const Command&) {
  run.leave(Run::Flow::Stop);
  return {};
}

Result<void> return_to_caller(Run& run, const Command&) {
  run.leave(Run::Flow::Return);
  return {};
}

Result<void> break_loop(Run& run, const Command& command) {
  return run.leave_loop(run.text_after(command, Tag::Name));
}

Result<void> global(Run& run, const Command& command) {
  for (const auto& name : command.arguments[0].strings) run.make_global(name.text);
  return {};
}

/// RFC 6609 section 3.1
Result<void> include(Run& run, const Command& command) {
  const std::string& name = command.arguments[0].strings[0].text;
  using Location = Environment::ScriptLocation;
  auto location = command.has(Tag::Global) ? Location::Global : Location::Personal;
  std::string key = (location == Location::Global ? "global:" : "personal:") + name;
  if (command.has(Tag::Once) && run.was_included(key)) return {};
  TRY(auto script, run.environment().included(name, location));
  if (!script) {
    if (command.has(Tag::Optional)) return {};
    return Error::permanent("there is no script \"" + printable(name) + "\" to include");
  }
  TRY_DO(run.note_included(key));
  return run.include(*script, name);
}

}  // namespace pennypost::store::sieve
