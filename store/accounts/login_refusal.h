// Says why a user with the right password may not log in, for the auth process and for the command
// that tries a login.
//
// SEE ALSO  blocked_users.h, user_fields.h (disabled, allow_nets)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/accounts/account_ref.h"
#include "store/accounts/blocked_users.h"

namespace pennypost::store {

/// The reason for an admin, never for a client; empty if the account may log in from the address.
/// Error (temporary): the table of blocked users can't be asked.
Result<std::string> login_refusal(const BlockedUsers& blocked_users, const AccountRef& account,
                                  std::string_view client_address);

}  // namespace pennypost::store
