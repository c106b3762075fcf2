// A second password of a user for one program, with a scope and an end.
//
//   {APP}name:scopes:expires:salt:digest      in the user's entry of credentials_map
//
// `scopes` are services joined by +, or * for all; `expires` is in seconds since 1970, 0 for never;
// salt and SHA-256(salt, password) are in base64. Since we make the password itself, of 100 random
// bits, a fast digest protects it as well as a slow one would, and checking all of a user's costs
// microseconds. SCRAM can't use it: its client says who logs in, but not by which of the passwords.
//
// LIMITS  app_name_bytes_max; app_passwords_per_user_max
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost::store {

inline constexpr std::size_t app_name_bytes_max = 32;
inline constexpr std::string_view app_scheme = "{APP}";

struct AppPassword {
  std::string name;
  std::vector<std::string> scopes;  ///< of app_scopes(); empty: all
  std::int64_t expires = 0;
  std::string salt;
  std::string digest;

  /// The entry without app_scheme. Error: malformed.
  static Result<AppPassword> parse(std::string_view text);
  std::string text() const;

  bool fits(const Secret& password) const;
  bool is_over(std::int64_t now_seconds) const { return expires != 0 && now_seconds >= expires; }
  /// `service` is smtp, pop3, imap or managesieve, whose scope is sieve.
  bool serves(std::string_view service) const;
};

/// What a scope may be: imap, pop3, smtp, sieve.
const std::vector<std::string_view>& app_scopes();

struct NewAppPassword {
  AppPassword stored;
  Secret password;  ///< four groups of five letters and digits, to be shown once
};
/// Makes a password. Error: a name with other characters than letters, digits and ._-, an unknown
/// scope.
Result<NewAppPassword> make_app_password(std::string name, std::vector<std::string> scopes,
                                         std::int64_t expires);

}  // namespace pennypost::store
