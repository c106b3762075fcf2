// What the session of an admin may know and change of users' quotas.
//
// SEE ALSO   user_quotas.h (which implements it), ../command/quota.cpp (who asks)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/async/task.h"
#include "common/base/result.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// 0: no such limit.
struct SetLimits {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
};

class QuotaDesk {
 public:
  virtual ~QuotaDesk() = default;

  /// What an own user has, by the limits that hold now for who logs in; nothing if there is no
  /// limit. Error NonExistent: there is no such user. Blocks.
  virtual Result<std::optional<store::Usage>> of(const std::string& user) = 0;
  /// Sets these limits in place of all earlier ones, in `admin`'s name. Errors: NoPerm,
  /// NonExistent, Cannot; what is temporary.
  virtual Task<Result<void>> set(std::string admin, std::string user, SetLimits limits) = 0;
};

}  // namespace pennypost::imap
