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
#include <utility>
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

/// Names of fields, each with its new value.
using FieldChanges = std::vector<std::pair<std::string, std::string>>;

class OwnUsers {
 public:
  /// Error: users_map or credentials_map is no hash: table, or auth_user does not exist.
  static Result<OwnUsers> open(std::shared_ptr<const Config> config);

  /// `name` is a full address, or a bare name in auth_realm. Returns the full name. Errors: the
  /// name is not allowed, or exists already (permanent); a file can't be read or written
  /// (temporary).
  Result<std::string> add(std::string_view name, const StoredCredentials& credentials,
                          const OwnUserFields& fields = {}) const;
  /// App passwords stay. Error 550: no such user.
  Result<std::string> change_password(std::string_view name,
                                      const StoredCredentials& credentials) const;
  /// A password that was right for a user, as far as the caller knows.
  struct UsedPassword {
    std::string name;
    Secret password;
  };
  /// One that is stored as argon2id now, and in which scheme it was: `{SSHA}`.
  struct Renewed {
    std::string name;
    std::string old_scheme;
  };
  /// Stores those passwords as argon2id that are right and are stored in a weaker form. Each costs
  /// two hashes.
  Result<std::vector<Renewed>> renew(const std::vector<UsedPassword>& used) const;

  /// Errors: 550: no such user, or one has an app password of that name, or as many as are allowed.
  Result<std::string> add_app_password(std::string_view name, const AppPassword& app) const;
  /// Error 550: no such user or app password.
  Result<std::string> remove_app_password(std::string_view name, std::string_view app_name) const;
  /// Error 550: no such user.
  Result<std::vector<AppPassword>> app_passwords(std::string_view name) const;
  /// Changes fields of a user's entry, or of a domain's (`@example.org`), which is made if it does
  /// not exist and removed when nothing is left in it. An empty value removes a field. Returns the
  /// full name. Errors: 550: no such user; an unknown field or a value that is not valid.
  Result<std::string> change_fields(std::string_view name, const FieldChanges& changes) const;
  /// The entry of a user or a domain, as written. Error 550: no such user; a domain without an
  /// entry has no fields.
  Result<OwnUser> find(std::string_view name) const;
  /// The mail stays where it is; the result names the user's home. Error 550: no such user.
  Result<OwnUser> remove(std::string_view name) const;
  /// Gives the user another name, with the same password, and these fields. At every moment one of
  /// the two can log in and has mail. Both are full names; repeated, it does nothing. Error 550: no
  /// such user, or the new name is taken.
  Result<void> rename(const std::string& old_name, const std::string& new_name,
                      const OwnUserFields& fields) const;
  /// In the order of their names; without the entries of domains.
  Result<std::vector<OwnUser>> list() const;

  /// Where the home of a user is whose entry does not say otherwise.
  std::string usual_home(const std::string& full_name) const;

  /// The normal form: lower case in NFC, with a domain of A-labels. Error: not an address, or one
  /// with characters that are not allowed in the name of an account or its directory.
  Result<std::string> full_name(std::string_view name) const;

 private:
  OwnUsers() = default;
  struct Change;
  Result<std::string> entry_name(std::string_view name) const;
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
