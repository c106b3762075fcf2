// Writes passwords that were hashed anew at a login: the one process that may change
// credentials_map while the daemons run.
//
//   auth --StoreCredentials--> master --StoreCredentials--> keeper
//
// auth can only read the table. What it sends replaces an entry only if that is still the one that
// the password was checked against, and only a weaker form by argon2id as it is made here
// (own_users.h): an auth process in wrong hands can't change the entries that are well kept, nor
// write anything else. The master starts the keeper when there
// is something to write, and it ends when idle. What comes within commit_pause is written together,
// since each change writes the whole table.
//
// LIMITS  waiting_max entries
// SEE ALSO  auth_process.h
#pragma once

#include <cstdint>
#include <string>

#include "common/process/child.h"
#include "common/process/master.h"

namespace pennypost::store {

/// What replaces an own user's entry in credentials_map.
struct StoreCredentials {
  static constexpr std::uint16_t type = 47;
  using Reply = Done;
  std::string name;
  std::string old_digest;  // SHA-256 of the entry
  std::string entry;
  template <class Archive>
  void fields(Archive& archive) {
    archive(name, old_digest, entry);
  }
};

/// The process's row, for each daemon that has an auth process.
Kind credentials_keeper();

/// Lets auth ask for it.
void serve_credentials(Master& master, Services& services);

}  // namespace pennypost::store
