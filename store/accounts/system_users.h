// Looks up the system's users and checks their passwords.
//
// The real implementation asks passwd (by NSS) and PAM or shadow; a test has its own. Everything
// here blocks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/process/privileges.h"

namespace pennypost::store {

class SystemUsers {
 public:
  virtual ~SystemUsers() = default;
  /// Nothing: no such user. Error (temporary): the database can't tell.
  virtual Result<std::optional<Identity>> find(const std::string& name) const = 0;
  /// False where the home directory does not exist: nobody's, and those of many services.
  virtual bool has_home(const Identity& identity) const;
  /// Whether the password opens the account now: also false for an expired or locked one, and for a
  /// name that does not exist, which takes as long. `client_address` goes to PAM's modules. Error
  /// (temporary): the backend can't tell.
  virtual Result<bool> verify(const std::string& name, const Secret& password,
                              const std::string& client_address) const = 0;

  /// passwd, and PAM with this service name (/etc/pam.d/SERVICE). Needs root for other users' sake.
  static std::shared_ptr<const SystemUsers> with_pam(std::string service);
  /// passwd and shadow, for hosts without PAM.
  static std::shared_ptr<const SystemUsers> with_shadow();
};

}  // namespace pennypost::store
