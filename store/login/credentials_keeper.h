// Stores passwords as argon2id that were right at a login and are kept in a weaker form, and the
// quota that an admin sets for a user by IMAP: the one process that may change credentials_map and
// users_map while the daemons run.
//
//   auth --RenewPassword--> master --RenewPassword--> keeper
//   worker --SetQuota--> master --SetQuota--> keeper
//
// auth can only read the table, and it is not believed: the keeper checks the password against the
// entry itself and makes the new form. So an auth process in wrong hands can't put a password of
// its own in anybody's place. A worker is not believed either: the master passes on only what it
// asks in the name of a user whose session it was given, and the keeper looks whether that user is
// an admin, and changes no field but the quota. The master starts the keeper when there is
// something to write, and it ends when idle. Passwords that come within commit_pause are written
// together, since each change writes the whole table.
//
// LIMITS  waiting_max passwords
// SEE ALSO  auth_process.h, ../accounts/own_users.h
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/process/child.h"
#include "common/process/master.h"

namespace pennypost::store {

/// Stores an own user's password anew, if it is right.
struct RenewPassword {
  static constexpr std::uint16_t type = 47;
  using Reply = Done;
  std::string name;
  std::string password;
  template <class Archive>
  void fields(Archive& archive) {
    archive(name, password);
  }
};

/// Sets what an own user may hold, in place of all earlier limits of the account; what holds for
/// single mailboxes stays. Errors: NoPerm, `admin` is none; NonExistent; Cannot, users_map can't be
/// written by programs.
struct SetQuota {
  static constexpr std::uint16_t type = 50;
  using Reply = Done;
  std::string admin;  ///< whose session asks
  std::string user;
  std::uint64_t bytes = 0;     ///< 0: no such limit
  std::uint64_t messages = 0;  ///< the same
  template <class Archive>
  void fields(Archive& archive) {
    archive(admin, user, bytes, messages);
  }
};

/// The process's row, for each daemon that has an auth process.
Kind credentials_keeper();

/// Lets auth ask for it.
void serve_credentials(Master& master, Services& services);
/// Lets a worker ask for it, in the name of those of whom `has_session` says that they have a
/// session in that worker.
using HasSession = std::function<bool(const std::string& login, ProcessNumber worker)>;
void serve_quota_changes(Master& master, Services& services, HasSession has_session);

}  // namespace pennypost::store
