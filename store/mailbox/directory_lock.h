// Locks a directory against other processes and threads that change the same files in it.
//
// The lock is flock(2)'s on the directory itself, so that there is no lock file to leave behind.
// Blocks: use offload.
#pragma once

#include <chrono>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost::store {

/// How long a lock is waited for.
inline constexpr auto directory_lock_wait_max = std::chrono::seconds(10);

/// The lock, for as long as the descriptor is open. Error 451 InUse: another one has had it for too
/// long.
Result<Descriptor> lock_directory(const std::string& path,
                                  std::chrono::milliseconds wait = directory_lock_wait_max);

}  // namespace pennypost::store
