// `pennypost user apppass`: makes, lists and removes app passwords.
//
// SEE ALSO  user.cpp (the manual), ../../store/accounts/app_password.h
#pragma once

#include <iosfwd>
#include <memory>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {

/// What `apppass` was told besides the user and the password's name.
struct AppPassOptions {
  std::string scope;    // by commas; empty: all
  std::string expires;  // 2027-01-31 or 90d; empty: never
  bool as_json = false;
};

/// `words` is add USER NAME, del USER NAME or list USER. Errors: a wrong call, or those of
/// OwnUsers.
Result<void> app_passwords(const std::shared_ptr<const Config>& config,
                           const store::OwnUsers& users, std::span<const std::string> words,
                           const AppPassOptions& options, std::ostream& out);

}  // namespace pennypost::smtp
