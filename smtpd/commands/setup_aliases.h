// Has the mail of postmaster and root reach a person, as a part of `pennypost setup`.
//
// What the host itself has to say goes to postmaster, and from there to root, who has no mailbox: a
// new host's first user gets it.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

struct AliasChange {
  std::string path;
  bool is_new = false;  // there is no such file
  std::string lines;    // that come at its end
};

/// What the text files of alias_database lack: a missing file all that a host needs, one that does
/// not name root that line, if there is a user. Error: a file can't be read.
Result<std::vector<AliasChange>> plan_aliases(const Config& config, const std::string& user);

/// Error: the file can't be written, or there is one now that was missing before.
Result<void> write_aliases(const AliasChange& change);

}  // namespace pennypost::smtp
