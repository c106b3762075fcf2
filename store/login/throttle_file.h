// Saves what the login throttle must remember over a restart: who is known, and who is blocked.
//
// A temporary file is written and renamed, so that a reader sees a complete one. Every auth process
// holds the same state and writes the same file; the last one wins. Nothing depends on it: a file
// that is missing, damaged or owned by somebody else is ignored.
//
// FILES      $data_directory/auth/throttle
// SEE ALSO   auth_messages.h (the bytes), auth_peers.h (what goes on between restarts)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/session/login_throttle.h"

namespace pennypost::store {

/// The directory of the file, for the auth process alone.
std::string throttle_directory(const Config& config);

/// Empty if there is no file. Error: it can't be read, or is damaged.
Result<std::vector<ThrottleEntry>> load_throttle(const std::string& directory);
/// Blocks; error: it can't be written.
Result<void> save_throttle(const std::string& directory, const std::vector<ThrottleEntry>& entries);

}  // namespace pennypost::store
