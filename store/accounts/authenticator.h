// Checks a login's password, and provides the keys for its SCRAM exchanges.
//
// Own users' stored forms are in `credentials_map`, which only the auth process can read:
//   alice@example.org   {ARGON2ID}$argon2id$… {SCRAM-SHA-256}4096,salt,stored key,server key
// An entry has one or more forms, separated by blanks; {PLAIN} extends to the end of the line. A
// password is checked against the app passwords (app_password.h), then against the first form that
// is not SCRAM's; a right one is remembered for auth_cache_ttl (remembered_hashes.h). A SCRAM
// exchange uses the stored keys, or derives them from {PLAIN}. System users are checked by PAM or
// shadow, and have no SCRAM.
//
// An unknown user gets the same answer as a wrong password, at about the same cost: a login with a
// domain costs what an own user's check does, one without a domain what a system user's check by
// PAM does, where there are system users. Backends still differ in their time; the auth process
// hides that by answering failures at fixed times.
//
// May be used by several threads. Blocks as long as a hash is meant to cost: use offload.
//
// SEE ALSO   accounts.h (who exists), ../../common/sasl/server.h (the exchange)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/crypto/password.h"
#include "common/crypto/scram.h"
#include "store/accounts/accounts.h"
#include "store/accounts/app_password.h"
#include "store/accounts/remembered_hashes.h"
#include "store/accounts/scram_coverage.h"

namespace pennypost::store {

/// The forms in one entry of the credentials map.
struct StoredCredentials {
  std::string password;  ///< `{SCHEME}…` for passwords; empty: none
  std::string scram;     ///< `iterations,salt,stored key,server key`; empty: none
  std::vector<AppPassword> apps{};

  /// Error: no form at all, or a scheme that is not known.
  static Result<StoredCredentials> parse(std::string_view value);
  /// argon2id and SCRAM keys for a new password. Error: it is too short or too long.
  static Result<StoredCredentials> make(const Secret& password);
  std::string text() const;
  /// Whether SCRAM is possible: there are keys, or a password to derive them from. Not with app
  /// passwords, since a client that has one would fail.
  bool serves_scram() const;
  /// Of the password: `{SSHA}`; empty if there is none.
  std::string scheme() const;
  /// Whether a right password should be stored anew: it is not argon2id with SCRAM keys beside it.
  bool is_outdated() const;
  /// What replaces them for a user whose password this is: argon2id and SCRAM keys, with the same
  /// app passwords. Nothing: the password is wrong, or they are not outdated. Costs two hashes.
  Result<std::optional<StoredCredentials>> renewed(const Secret& right) const;
};

/// The functions that cost a hash; tests replace them to count the calls.
struct PasswordHashing {
  std::function<Result<bool>(const Secret&, std::string_view)> verify = verify_password;
  std::function<bool(const Secret&)> verify_nothing = pennypost::verify_nothing;
};

/// From where, and for what, a password is used.
struct PasswordUse {
  std::string service;  ///< smtp, pop3, imap, sieve; empty: app passwords are not tried
  std::string client_address;
};

/// A right password.
struct PasswordMatch {
  AccountRef account;
  std::string app_name;  ///< of the app password; empty: the user's own
};

class Authenticator {
 public:
  /// `server_secret` makes a constant salt for unknown users; it comes from random_bytes(32) and
  /// must not change while the auth process lives. Error: the map's reference is wrong.
  static Result<Authenticator> open(std::shared_ptr<const Config> config,
                                    std::shared_ptr<const SystemUsers> system,
                                    std::string server_secret, const MapOptions& options = {},
                                    PasswordHashing hashing = {});

  /// Nothing: wrong password or no such user, without saying which. Error: unknown at the moment
  /// (temporary), or this account's entry is malformed (permanent), which the administrator must
  /// correct: to the client it is a wrong password.
  Result<std::optional<AccountRef>> verify(std::string_view login, const Secret& password,
                                           const std::string& client_address = {}) const;

  /// The same for a login: app passwords are tried, too.
  Result<std::optional<PasswordMatch>> match(std::string_view login, const Secret& password,
                                             const PasswordUse& use) const;

  /// The scheme, `{SSHA}`, of an own user's password that should be stored anew; nothing if there
  /// is none. Costs no hash.
  Result<std::optional<std::string>> outdated_scheme(const AccountRef& account) const;

  /// For ServerExchange::keys_found(); nothing: no such user, or one without SCRAM.
  Result<std::optional<ScramKeys>> scram_keys(std::string_view login) const;

  /// Whether SCRAM works for everybody who may log in here. It does not for system users, who are
  /// checked by PAM or shadow, nor for own users without keys.
  bool scram_serves_all() const;

  /// The account of a SCRAM exchange that has succeeded, if its keys have not changed since the
  /// exchange began: a client may take any time for it.
  Result<std::optional<AccountRef>> account_with_key(std::string_view login,
                                                     std::string_view stored_key) const;

  /// The account with this login name, authenticated or not.
  Result<std::optional<AccountRef>> account(std::string_view login) const {
    return accounts_.by_login(login);
  }
  const Accounts& accounts() const { return accounts_; }

 private:
  explicit Authenticator(Accounts accounts) : accounts_(std::move(accounts)) {}
  Result<std::optional<ScramKeys>> keys_of(const AccountRef& account, std::string_view login) const;
  Result<std::optional<StoredCredentials>> stored(const AccountRef& account) const;
  Result<bool> fits_form(const std::string& form, const Secret& password) const;
  /// Spends as much time on a user who does not exist as on a wrong password.
  Result<void> refuse_unknown(std::string_view login, const Secret& password,
                              const std::string& client_address) const;
  void verify_nothing_as_own(const Secret& password) const;

  Accounts accounts_;
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const SystemUsers> system_;
  std::shared_ptr<const Map> credentials_;  // null: none
  std::unique_ptr<ScramCoverage> coverage_;
  std::unique_ptr<RememberedHashes> remembered_;
  std::string server_secret_;
  PasswordHashing hashing_;
  const Clock* clock_ = &Clock::system();
};

}  // namespace pennypost::store
