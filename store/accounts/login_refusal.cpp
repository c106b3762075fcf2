#include "store/accounts/login_refusal.h"

#include "store/accounts/user_fields.h"

namespace pennypost::store {

Result<std::string> login_refusal(const BlockedUsers& blocked_users, const AccountRef& account,
                                  std::string_view client_address) {
  TRY(auto block, blocked_users.find(account.name));
  if (block && block->refuses_logins) {
    return std::string("blocked by the administrator (pennypost user unblock)");
  }
  if (account.is_disabled) {
    return "disabled (pennypost user set " + account.name + " disabled=)";
  }
  if (!is_allowed_from(account.allow_nets, client_address)) {
    return "not one of the user's allow_nets (" + account.allow_nets + ")";
  }
  return std::string();
}

}  // namespace pennypost::store
