// Makes the table of `pennypost top` from two looks at the figures.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pennypost::smtp {

/// What there was to see at one time.
struct TopLook {
  struct Daemon {
    std::string name;
    std::int64_t seconds_up = 0;
    std::int64_t sessions = 0;
    std::uint64_t connections = 0;
    std::uint64_t logins = 0;
    std::uint64_t failed_logins = 0;
    std::size_t processes = 0;
    std::uint64_t resident_bytes = 0;
  };
  std::vector<Daemon> daemons;
  // Since smtpd's start.
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t deferred = 0;
  std::uint64_t bounced = 0;
  std::uint64_t rejected = 0;
  std::vector<std::pair<std::string, std::int64_t>> queue;  // messages by age
};

/// The rates are those of the time between the two, in seconds.
std::string top_table(const TopLook& before, const TopLook& now, double seconds);

}  // namespace pennypost::smtp
