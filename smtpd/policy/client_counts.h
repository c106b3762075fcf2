// What clients do in; how much of it each address did lately, out.
//
// Connections held are counted for each process that holds them: those of a process that died are
// forgotten. Everything else is counted in units of anvil_rate_time_unit; a count begins anew with
// the first event after its unit.
//
// LIMITS  client_addresses_max; the addresses longest without an event are forgotten first
#pragma once

#include <array>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "smtpd/messages.h"

namespace pennypost::smtp {

inline constexpr std::size_t client_addresses_max = 100'000;

class ClientCounts {
 public:
  /// `is_alive`: whether a process still runs.
  ClientCounts(const Clock& clock, std::function<bool(std::uint64_t)> is_alive)
      : clock_(clock), is_alive_(std::move(is_alive)) {}

  CountClient::Counts note(const CountClient& event, Seconds unit);
  std::size_t size() const { return clients_.size(); }

 private:
  struct Rate {
    std::int64_t since = 0;  // seconds
    std::uint32_t count = 0;
  };
  struct Client {
    std::map<std::uint64_t, std::uint32_t> open;  // by process
    std::array<Rate, 5> rates{};                  // by event
    std::list<std::string>::iterator position;
  };
  void forget_oldest();
  const Clock& clock_;
  std::function<bool(std::uint64_t)> is_alive_;
  std::map<std::string, Client> clients_;
  std::list<std::string> by_age_;  // the last to have done anything at the end
};

}  // namespace pennypost::smtp
