// Counts each client address's messages, recipients and logins per anvil_rate_time_unit.
//
// A count starts again with the first event after its time unit.
//
// LIMITS    client_addresses_max; the addresses longest without an event are forgotten first
// SEE ALSO  common/net/connection_counts.h (the connections that a client holds and makes)
#pragma once

#include <array>
#include <list>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "smtpd/policy/messages.h"

namespace pennypost::smtp {

inline constexpr std::size_t client_addresses_max = 100'000;

class ClientCounts {
 public:
  explicit ClientCounts(const Clock& clock = Clock::system()) : clock_(clock) {}

  CountClient::Counts note(const CountClient& event, Seconds unit);
  std::size_t size() const { return clients_.size(); }

 private:
  struct Rate {
    std::int64_t since = 0;  // seconds
    std::uint32_t count = 0;
  };
  struct Client {
    std::array<Rate, 3> rates{};  // by event
    std::list<std::string>::iterator position;
  };
  void forget_oldest();
  const Clock& clock_;
  std::map<std::string, Client> clients_;
  std::list<std::string> by_age_;  // the most recently active last
};

}  // namespace pennypost::smtp
