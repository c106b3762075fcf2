// Checks a login's password, and provides the keys for its SCRAM exchanges.
//
// Own users' stored forms are in `credentials_map`, which only the auth process can read:
//   alice@example.org   {ARGON2ID}$argon2id$… {SCRAM-SHA-256}4096,salt,stored key,server key
// One form or several, separated by blanks; {PLAIN} takes the rest of the line. A password is
// checked against the first form that is not SCRAM's. A SCRAM exchange uses the stored keys, or
// derives them from {PLAIN}. System users are checked by PAM or shadow, and have no SCRAM.
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

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/crypto/password.h"
#include "common/crypto/scram.h"
#include "store/accounts/accounts.h"
#include "store/accounts/scram_coverage.h"

namespace pennypost::store {

/// The forms of one entry of the credentials map.
struct StoredCredentials {
  std::string password;  ///< `{SCHEME}…` for passwords; empty: none
  std::string scram;     ///< `iterations,salt,stored key,server key`; empty: none

  /// Error: no form at all, or a scheme that is not known.
  static Result<StoredCredentials> parse(std::string_view value);
  /// argon2id and SCRAM keys of a new password. Error: too short or long.
  static Result<StoredCredentials> make(const Secret& password);
  std::string text() const;
  /// Whether a SCRAM exchange can go by it: there are keys, or a password to derive them from.
  bool serves_scram() const;
};

/// What is done at the cost of a hash; a test counts it.
struct PasswordHashing {
  std::function<Result<bool>(const Secret&, std::string_view)> verify = verify_password;
  std::function<bool(const Secret&)> verify_nothing = pennypost::verify_nothing;
};

class Authenticator {
 public:
  /// `server_secret` gives unknown users a salt that stays the same; from random_bytes(32), kept by
  /// the auth process while it lives or longer. Error: the map's reference is wrong.
  static Result<Authenticator> open(std::shared_ptr<const Config> config,
                                    std::shared_ptr<const SystemUsers> system,
                                    std::string server_secret, const MapOptions& options = {},
                                    PasswordHashing hashing = {});

  /// Nothing: wrong password or no such user, it does not say which. Error: can't tell now
  /// (temporary), or what is stored for this one account makes no sense (permanent), which is the
  /// administrator's business: to the client it is a wrong password.
  Result<std::optional<AccountRef>> verify(std::string_view login, const Secret& password,
                                           const std::string& client_address = {}) const;

  /// For ServerExchange::keys_found(); nothing: no such user, or one without SCRAM.
  Result<std::optional<ScramKeys>> scram_keys(std::string_view login) const;

  /// Whether nobody who may log in here fails with SCRAM for want of keys: system users do, whom
  /// PAM or shadow knows.
  bool scram_serves_all() const;

  /// The account of a SCRAM exchange that has succeeded, if its keys still are those that the
  /// exchange was given: it lasts as long as its client likes.
  Result<std::optional<AccountRef>> account_with_key(std::string_view login,
                                                     std::string_view stored_key) const;

  /// Whose login that is, proven or not.
  Result<std::optional<AccountRef>> account(std::string_view login) const {
    return accounts_.by_login(login);
  }
  const Accounts& accounts() const { return accounts_; }

 private:
  explicit Authenticator(Accounts accounts) : accounts_(std::move(accounts)) {}
  Result<std::optional<ScramKeys>> keys_of(const AccountRef& account, std::string_view login) const;
  Result<std::optional<StoredCredentials>> stored(const AccountRef& account) const;
  /// Does for a user who does not exist what a wrong password costs.
  Result<void> refuse_unknown(std::string_view login, const Secret& password,
                              const std::string& client_address) const;
  void verify_nothing_as_own(const Secret& password) const;

  Accounts accounts_;
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const SystemUsers> system_;
  std::shared_ptr<const Map> credentials_;  // null: none
  std::unique_ptr<ScramCoverage> coverage_;
  std::string server_secret_;
  PasswordHashing hashing_;
};

}  // namespace pennypost::store
