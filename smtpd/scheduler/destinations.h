// The destinations of active mail, and how many deliveries each may have at once.
//
// A destination is a next hop of one transport, or one of its recipients if the transport's
// recipient limit is 1. Local delivery is limited for each process that makes it: all own (virtual)
// users share one, each system user has one; and for each mailbox, if local_ or
// virtual_destination_concurrency_limit or a rate delay is set. A transport with a
// transport_rate_delay has a gate that all its deliveries pass. The limits come from the settings;
// a reload changes them for the next deliveries.
//
// SEE ALSO   destination.h (how a limit adapts), transport_limits.h (the settings)
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/config/config.h"
#include "smtpd/scheduler/destination.h"
#include "smtpd/scheduler/recipient_group.h"
#include "smtpd/scheduler/transport_limits.h"

namespace pennypost::smtp {

/// What limits a delivery, in the order in which to take the leases.
class Gates {
 public:
  static constexpr std::size_t most = 3;
  void add(std::shared_ptr<Destination> gate) { gates_[count_++] = std::move(gate); }
  std::size_t size() const { return count_; }
  Destination& at(std::size_t index) { return *gates_[index]; }
  /// The one that may be dead, and that learns of successes and failures.
  Destination& destination() { return *gates_[0]; }

 private:
  std::array<std::shared_ptr<Destination>, most> gates_;
  std::size_t count_ = 0;
};

class Destinations {
 public:
  explicit Destinations(Loop& loop) : loop_(loop) {}

  /// What limits the group's delivery.
  Gates of(const RecipientGroup& group, const Config& config);
  /// Forgets idle destinations, if there are many.
  void forget_idle(std::int64_t now);
  /// Ends being dead for all destinations.
  void reopen();
  /// Stops further deliveries: the queue process is about to end.
  void close();
  bool is_closed() const { return is_closed_; }

 private:
  std::shared_ptr<Destination> gate(std::string key, const Destination::Limits& limits);

  Loop& loop_;
  std::map<std::string, std::shared_ptr<Destination>, std::less<>> destinations_;
  bool is_closed_ = false;
};

}  // namespace pennypost::smtp
