// Recipients of one message that share a route and a delivery attempt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "smtpd/routing/route.h"

namespace pennypost::smtp {

struct RecipientGroup {
  Route route;
  std::string run_as;  // whose .forward or alias file named a command or file
  std::string via;     // the alias or list that led here: for Delivered-To
  std::string sender;
  std::string sole_address;  // of the recipient, if the transport allows one for each delivery
  std::vector<std::uint32_t> recipients;  // their numbers in the message
  Microseconds begun{0};
  bool was_sent = false;     // to a process, which may have delivered
  std::int32_t process = 0;  // the id of the process that made the attempt; 0: none
};

/// The component in the log lines of a transport; also its name in settings if the route has none.
inline std::string transport_name(Transport transport) {
  switch (transport) {
    case Transport::Smtp:
      return "smtp";
    case Transport::Lmtp:
      return "lmtp";
    case Transport::Error:
      return "error";
    case Transport::Discard:
      return "discard";
    case Transport::Program:
      return "pipe";
    default:
      return "local";
  }
}

/// The transport's name in settings.
inline std::string settings_name(const Route& route) {
  return route.name.empty() ? transport_name(route.transport) : route.name;
}

}  // namespace pennypost::smtp
