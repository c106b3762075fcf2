// Lists and changes a user's Sieve scripts, and applies one to mail that is there already.
//
// What `pennypost sieve list|get|put|activate|deactivate|rename|delete|run` do; the manual is in
// sieve.h. The work is done in a process with the user's rights.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace pennypost::smtp {

struct ScriptsCall {
  std::string verb;
  std::optional<std::string> directory;
  std::vector<std::string> words;  // the user, then names
  std::string folder = "INBOX";    // run
  bool is_dry = false;             // run
  bool removes_discarded = false;  // run
};

/// Whether the verb is one of these, with so many words.
bool is_scripts_call(const ScriptsCall& call);

/// The exit status.
int sieve_scripts(const ScriptsCall& call, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
