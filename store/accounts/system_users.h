// Looks up the system's users and checks their passwords.
//
// The real implementations use passwd (through NSS, which may be a directory's) and PAM or shadow;
// tests have their own. Everything here blocks, but what asked_through() gives.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/async/slow_source.h"
#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/process/privileges.h"

namespace pennypost::store {

class SystemUsers {
 public:
  virtual ~SystemUsers() = default;
  /// Nothing: no such user. Error (temporary): the database does not answer.
  virtual Result<std::optional<Identity>> find(const std::string& name) const = 0;
  /// False if the home directory does not exist, as for `nobody` and many service users.
  virtual bool has_home(const Identity& identity) const;
  /// Whether the password is valid for the account now: also false for an expired or locked
  /// account, and, after the same time, for a name that does not exist. `client_address` is for
  /// PAM's modules. Error (temporary): the backend does not answer.
  virtual Result<bool> verify(const std::string& name, const Secret& password,
                              const std::string& client_address) const = 0;

  /// passwd, and PAM with this service name (/etc/pam.d/SERVICE). Needs root to check other users.
  static std::shared_ptr<const SystemUsers> with_pam(std::string service);
  /// passwd and shadow, for hosts without PAM.
  static std::shared_ptr<const SystemUsers> with_shadow();
  /// The same users, found by calls of `source` as Inquiry::ask() makes them: one that hangs is
  /// "try later" at its deadline, and holds up nobody else. Passwords are asked of `users`
  /// directly.
  static std::shared_ptr<const SystemUsers> asked_through(std::shared_ptr<SlowSource> source,
                                                          std::shared_ptr<const SystemUsers> users);
};

}  // namespace pennypost::store
