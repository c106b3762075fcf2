// The message by which `send` tells `queue` how well TLS has worked with a next hop.
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"

namespace pennypost::smtp {

/// How well a session was protected, from the worst to the best.
enum class TlsWorth : std::uint8_t { Plain, Untrusted, Trusted, Verified };
constexpr TlsWorth wire_last(TlsWorth) { return TlsWorth::Verified; }

/// Posted after a session's greeting, without waiting for an answer.
struct NoteTls {
  static constexpr std::uint16_t type = 175;
  using Reply = Done;
  std::string next_hop;  // its host
  std::string target;    // `mx.example.org[192.0.2.1]:25`
  TlsWorth worth = TlsWorth::Plain;
  template <class Archive>
  void fields(Archive& archive) {
    archive(next_hop, target, worth);
  }
};

}  // namespace pennypost::smtp
