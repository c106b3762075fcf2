// The interface by which routing finds the accounts of this host.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/routing/route.h"
#include "store/accounts/accounts.h"

namespace pennypost::smtp {

/// The code of an Error for a user who exists but can't get mail before the administrator acts.
inline constexpr int exists_but_takes_no_mail = 450;

/// Accounts::by_address, own_by_address and by_name, or a test's table. An Error with code
/// exists_but_takes_no_mail means that the user exists but may have no mail here (root); it says
/// what to do.
class AccountFinder {
 public:
  virtual ~AccountFinder() = default;
  virtual Result<std::optional<AccountRef>> by_address(std::string_view local,
                                                       std::string_view domain) const = 0;
  virtual Result<std::optional<AccountRef>> own_by_address(std::string_view local,
                                                           std::string_view domain) const = 0;
  virtual Result<std::optional<AccountRef>> by_name(std::string_view name) const = 0;
};

/// The one that asks this host's accounts.
std::shared_ptr<const AccountFinder> finder_in(store::Accounts accounts);

}  // namespace pennypost::smtp
