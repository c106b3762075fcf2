// Looks up the quota of own users in the users map and their mail, and has the keeper change it.
//
// SEE ALSO   quota_desk.h, ../../store/login/credentials_keeper.h (who writes)
#pragma once

#include "common/process/child.h"
#include "imapd/session/quota_desk.h"

namespace pennypost::imap {

class UserQuotas final : public QuotaDesk {
 public:
  /// `child` outlives it.
  explicit UserQuotas(Child& child) : child_(child) {}

  Result<std::optional<store::Usage>> of(const std::string& user) override;
  Task<Result<void>> set(std::string admin, std::string user, SetLimits limits) override;

 private:
  Child& child_;
};

}  // namespace pennypost::imap
