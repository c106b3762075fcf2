// Handlers of setflag, addflag, removeflag and hasflag.
//
// STANDARDS  RFC 5232
#include "common/base/text.h"
#include "store/sieve/flag_list.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"
#include "store/sieve/run.h"

namespace pennypost::store::sieve {
namespace {

using Change = void (*)(std::vector<std::string>& flags, std::string_view text);

std::vector<std::string> flags_of(Run& run, const std::string& variable) {
  std::vector<std::string> flags;
  add_flags(flags, run.variable(variable));
  return flags;
}

Result<void> change(Run& run, const Command& command, bool from_nothing, Change change_flags) {
  const auto& variable = command.arguments[0];
  std::string name = variable.is_given() ? variable.strings[0].text : "";
  std::vector<std::string> flags;
  if (!from_nothing) flags = name.empty() ? run.flags() : flags_of(run, name);
  for (const auto& text : command.arguments[1].strings) change_flags(flags, run.text(text));
  if (!name.empty()) return run.set_variable(name, join(flags, " "));
  run.flags() = std::move(flags);
  return {};
}

}  // namespace

Result<void> setflag(Run& run, const Command& command) {
  return change(run, command, true, &add_flags);
}

Result<void> addflag(Run& run, const Command& command) {
  return change(run, command, false, &add_flags);
}

Result<void> removeflag(Run& run, const Command& command) {
  return change(run, command, false, &remove_flags);
}

/// Each flag is a value of its own. RFC 5232 section 4: keys with blanks are lists of flags.
Result<bool> hasflag(Run& run, const Command& test) {
  std::vector<std::string> flags;
  if (test.arguments[0].is_given()) {
    for (const auto& name : test.arguments[0].strings) {
      for (const auto& flag : flags_of(run, name.text)) add_flags(flags, flag);
    }
  } else {
    flags = run.flags();
  }
  Argument keys = test.arguments[1];
  bool are_flags = test.match.type == MatchType::Is || test.match.type == MatchType::Contains ||
                   test.match.type == MatchType::Matches;
  if (are_flags) {
    keys.strings.clear();
    for (const auto& key : test.arguments[1].strings) {
      auto text = run.text(key);
      for (auto word : words(text, " ")) keys.strings.push_back({std::string(word), false, {}});
    }
  }
  Matching matching(run, test, keys);
  for (const auto& flag : flags) {
    TRY(bool is_match, matching.value(flag));
    if (is_match) return true;
  }
  return matching.end();
}

}  // namespace pennypost::store::sieve
