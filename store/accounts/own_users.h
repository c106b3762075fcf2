// Adds, changes and removes own users: what `pennypost user` does, and the only code that writes
// the users map and the credentials map.
//
// Each map has its source beside it (hash:/etc/pennypost/users: the file /etc/pennypost/users),
// which an admin may read and edit too; comments and order are kept. A change takes the users map's
// lock, writes the new sources beside the old and renames them, and builds both tables. When a user
// is added, the password is written first; when one is removed, it goes last. So a crash in between
// leaves a password without a user, which the next change cleans up. Daemons see the change within
// two seconds.
//
// Only root and `auth_user` can read credentials; only root if auth runs as root, as it does with
// system_users = yes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/config/config.h"
#include "store/accounts/accounts.h"
#include "store/accounts/authenticator.h"
#include "store/maps/generation.h"

namespace pennypost::store {

struct OwnUser {
  std::string name;
  OwnUserFields fields;
};

class OwnUsers {
 public:
  /// Error: users_map or credentials_map is no hash: table, or auth_user does not exist.
  static Result<OwnUsers> open(std::shared_ptr<const Config> config);

  /// `name` is a full address, or a bare name in auth_realm. Returns the full name. Errors: the
  /// name is not allowed, or exists already (permanent); a file can't be read or written
  /// (temporary).
  Result<std::string> add(std::string_view name, const StoredCredentials& credentials,
                          const OwnUserFields& fields = {}) const;
  /// Error 550: no such user.
  Result<std::string> change_password(std::string_view name,
                                      const StoredCredentials& credentials) const;
  /// The mail stays where it is; the result names the user's home. Error 550: no such user.
  Result<OwnUser> remove(std::string_view name) const;
  /// Gives the user another name, with the same password, and these fields. At every moment one of
  /// the two can log in and has mail. Both are full names; repeated, it does nothing. Error 550: no
  /// such user, or the new name is taken.
  Result<void> rename(const std::string& old_name, const std::string& new_name,
                      const OwnUserFields& fields) const;
  /// In the order of their names.
  Result<std::vector<OwnUser>> list() const;

  /// Where the home of a user is whose entry does not say otherwise.
  std::string usual_home(const std::string& full_name) const;

  /// The normal form: lower case in NFC, with a domain of A-labels. Error: not an address, or one
  /// with characters that are not allowed in the name of an account or its directory.
  Result<std::string> full_name(std::string_view name) const;

 private:
  OwnUsers() = default;
  struct Change;
  Result<Change> begin() const;
  Result<void> commit_users(const Change& change) const;
  Result<void> commit_credentials(const Change& change) const;

  std::shared_ptr<const Config> config_;
  std::string users_;
  std::string credentials_;
  std::optional<uid_t> secret_owner_;  // set only if we are root
  std::optional<gid_t> secret_group_;
};

}  // namespace pennypost::store
