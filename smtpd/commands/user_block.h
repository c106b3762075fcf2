// `pennypost user block` and `unblock`: ends and allows what a user sends.
//
// SEE ALSO  user.cpp (the manual), ../../store/accounts/blocked_users.h
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/accounts/blocked_users.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {

/// What `block` was told besides the user.
struct BlockOptions {
  std::string reason;
  bool refuses_logins = false;
  bool holds_mail = false;
};

/// The account that a name means: an own user, or a system user where there are such. Error 550:
/// there is no such user.
Result<std::string> account_to_block(const store::OwnUsers& users, const Config& config,
                                     const std::string& name);

/// Blocks an account and tells of it on `out`. Error: the table can't be changed, or the mail in
/// the queue can't be held; the account is blocked all the same then.
Result<void> block_user(const std::shared_ptr<const Config>& config, const std::string& account,
                        const BlockOptions& options, std::ostream& out);
Result<void> unblock_user(const Config& config, const std::string& account, std::ostream& out);

/// `blocked: submission since 2026-11-29 19:50:00 (password was stolen)`
std::string shown_block(const store::Block& block);

}  // namespace pennypost::smtp
