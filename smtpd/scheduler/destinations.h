// The destinations of active mail, and how many deliveries each may have at once.
//
// A destination is a next hop of SMTP, or a process that delivers locally: all own (virtual) users
// share one, each system user has one. The limits come from the settings; a reload changes them for
// the next deliveries.
//
// SEE ALSO   destination.h (how a limit adapts)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/config/config.h"
#include "smtpd/scheduler/destination.h"
#include "smtpd/scheduler/recipient_group.h"

namespace pennypost::smtp {

class Destinations {
 public:
  explicit Destinations(Loop& loop) : loop_(loop) {}

  /// The group's destination. Valid while a lease of it is held, or until forget_idle().
  Destination& of(const RecipientGroup& group, const Config& config);
  /// Forgets idle destinations, if there are many.
  void forget_idle(std::int64_t now);
  /// Ends being dead for all destinations.
  void reopen();
  /// Stops further deliveries: the queue process is about to end.
  void close();
  bool is_closed() const { return is_closed_; }

 private:
  Loop& loop_;
  std::map<std::string, std::unique_ptr<Destination>, std::less<>> destinations_;
  bool is_closed_ = false;
};

}  // namespace pennypost::smtp
