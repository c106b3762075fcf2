// Writes the mail that tells users that their quota is nearly used up.
//
// `quota_warning` has limits such as `storage=95%` and `messages=95%`. A delivery that crosses one
// has the warning as a reply of its own, to the user; of several that it crosses, the highest of
// each kind is told, in one mail. What is above a limit already is not told again before it has
// been below.
//
// LIMITS  warnings_max
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::smtp {

inline constexpr std::size_t warnings_max = 16;

struct QuotaWarning {
  bool is_of_messages = false;  // else of storage
  std::uint64_t percent = 0;

  /// Error: what is wrong in an item of the setting.
  static Result<std::vector<QuotaWarning>> parse_all(const std::vector<std::string>& items);
};

/// Nothing if the delivery between the two figures has crossed no limit.
std::optional<store::AutomaticReply> quota_warning(const Config& config,
                                                   const std::vector<QuotaWarning>& warnings,
                                                   const std::string& address,
                                                   const store::Usage& before,
                                                   const store::Usage& after);

}  // namespace pennypost::smtp
