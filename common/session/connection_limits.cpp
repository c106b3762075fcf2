#include "common/session/connection_limits.h"

namespace pennypost {

ConnectionLimits::Entry ConnectionLimits::enter(ConnectionCounts& counts, const IpAddress& client,
                                                SteadyTime now) const {
  Entry entry;
  bool is_limited = !open_max.is_none() || !per_unit_max.is_none();
  if (!is_limited || is_exempt(client)) return entry;
  std::uint32_t unit_number = 0;
  if (!per_unit_max.is_none()) {
    auto since = std::chrono::duration_cast<Seconds>(now.time_since_epoch());
    unit_number = static_cast<std::uint32_t>(since / unit) + 1;
  }
  auto counted = counts.enter(client, unit_number);
  if (!open_max.allows(counted.open)) {
    entry.refusal = "Connection concurrency limit exceeded: " + std::to_string(counted.open);
  } else if (!per_unit_max.allows(counted.in_unit)) {
    entry.refusal = "Connection rate limit exceeded: " + std::to_string(counted.in_unit);
  } else {
    entry.place = std::move(counted.place);
  }
  return entry;
}

}  // namespace pennypost
