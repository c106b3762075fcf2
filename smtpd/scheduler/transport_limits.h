// Finds a transport's limits: how many deliveries at once, how many recipients each, and the pauses
// between them.
//
// Each limit has a default, such as default_destination_concurrency_limit, and a setting for each
// transport, such as smtp_destination_concurrency_limit, whose own default is the former. A
// [transport.NAME] gives its own in its section, as destination_concurrency_limit.
//
// SEE ALSO   destinations.h (who applies them)
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/base/limit.h"
#include "common/config/config.h"

namespace pennypost::smtp {

struct TransportLimits {
  Limit concurrency;  // deliveries to one destination at once
  Limit recipients;   // of one delivery
  std::uint64_t initial_concurrency = 1;
  std::uint64_t failed_cohorts = 1;  // 0: a destination is never dead
  std::chrono::seconds
      destination_rate_delay;                 // from the end of a delivery to the next one's start
  std::chrono::seconds transport_rate_delay;  // from start to start, whatever the destination

  /// Whether each recipient is a destination of its own, as in Postfix.
  bool is_for_each_recipient() const { return recipients.value() == 1; }
};

/// The limits of the transport of this name; the defaults for a name without settings of its own.
TransportLimits transport_limits(const Config& config, std::string_view name);

}  // namespace pennypost::smtp
