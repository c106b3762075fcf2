// The messages by which `send` tells `queue` how well TLS has worked with a next hop, and what a
// report to its domain has to say of it.
//
// STANDARDS  RFC 8460 sections 4.2 and 4.3 (the words of TlsResult)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

/// What came of one session, or of the attempt to have one.
struct TlsResult {
  std::string policy_type;               // `tlsa`, `sts`, `no-policy-found`; empty: not reported
  std::vector<std::string> policy;       // TLSA records, or the policy's lines
  std::vector<std::string> mx_patterns;  // of an MTA-STS policy
  std::string kind;                      // `starttls-not-supported` …; empty: a success
  std::string receiving_mx;
  std::string receiving_ip;
  std::string sending_ip;
  std::string reason;  // in words, of a failure
  template <class Archive>
  void fields(Archive& archive) {
    archive(policy_type, policy, mx_patterns, kind, receiving_mx, receiving_ip, sending_ip, reason);
  }
  friend bool operator==(const TlsResult&, const TlsResult&) = default;
};

/// Posted of each session with a host of a domain that wants reports, without waiting for an
/// answer.
struct NoteTlsResult {
  static constexpr std::uint16_t type = 177;
  using Reply = Done;
  std::string domain;  // in lower case
  TlsResult result;
  template <class Archive>
  void fields(Archive& archive) {
    archive(domain, result);
  }
};

}  // namespace pennypost::smtp
