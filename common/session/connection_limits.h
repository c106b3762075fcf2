// Decides when a connection is accepted whether its client may have one more.
//
// It holds the limits of one service (smtpd_client_connection_count_limit and the like) in one
// configuration. They are checked before the session has cost anything, so that a client beyond its
// limits costs next to nothing.
//
// SEE ALSO common/net/connection_counts.h (the counts)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/config/network_list.h"
#include "common/net/connection_counts.h"

namespace pennypost {

class ConnectionLimits {
 public:
  /// smtpd_client_event_limit_exceptions, or login_client_event_limit_exceptions.
  explicit ConnectionLimits(const std::vector<std::string>& exceptions) : exempt_(exceptions) {}
  Limit open_max;      // connections that a client may have
  Limit per_unit_max;  // connections that it may make per `unit`
  Seconds unit{60};    // anvil_rate_time_unit

  struct Entry {
    ConnectionCounts::Place place;  // to be kept as long as the connection
    /// For the log, if the client exceeds a limit: `Connection rate limit exceeded: 61`.
    std::string refusal;
  };
  /// Counts the connection. Exempt clients are not counted. `now` is the loop's time, the same
  /// clock in all processes.
  Entry enter(ConnectionCounts& counts, const IpAddress& client, SteadyTime now) const;
  bool is_exempt(const IpAddress& client) const { return exempt_.contains(client); }

 private:
  NetworkList exempt_;
};

}  // namespace pennypost
