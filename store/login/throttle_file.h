// Saves what the login throttle must remember over a restart: who is known, and who is blocked.
//
// The file is written beside and renamed, so that a reader sees a whole one. Every auth process
// holds the same state and writes the same file; the last one wins. Nothing depends on it: a file
// that is missing, damaged or somebody else's counts as none.
//
// FILES      $data_directory/auth/throttle
// SEE ALSO   auth_messages.h (the bytes), auth_peers.h (what goes on between restarts)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/session/login_throttle.h"

namespace pennypost::store {

/// Where the file lies: a directory of the auth process alone.
std::string throttle_directory(const Config& config);

/// Nothing where there is no file. Error: it can't be read, or is damaged.
Result<std::vector<ThrottleEntry>> load_throttle(const std::string& directory);
/// Blocks; error: it can't be written.
Result<void> save_throttle(const std::string& directory, const std::vector<ThrottleEntry>& entries);

}  // namespace pennypost::store
