// Adds up what DNS lists say of a client: postscreen_dnsbl_sites with their weights.
//
// All lists are asked at once. One that does not answer in time adds nothing, so that a failure of
// DNS never turns a client away. Each listing is logged as Postfix's dnsblog logs it.
//
// STANDARDS  RFC 5782 (DNS block lists), Postfix's POSTSCREEN_README
// LIMITS     dnsbl_sites_max
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/screen_settings.h"
#include "common/dns/resolver.h"
#include "common/net/address.h"

namespace pennypost::smtp {

inline constexpr std::size_t dnsbl_sites_max = 100;

/// The name of an address within a DNS list: `9.2.0.192`; nibbles of an IPv6 address (RFC 5782
/// section 2.1 and 2.4).
std::string name_in_lists(const IpAddress& address);

/// What the lists have said so far.
struct DnsblScore {
  long rank = 0;
  std::string zone;         ///< the one with the greatest weight that lists the client
  int zone_weight = 0;      ///< of that one
  std::size_t missing = 0;  ///< lists that have not answered
  /// The shortest life of an answer that would raise or lower the rank if it changed; nothing if
  /// there is no such answer.
  std::optional<std::uint32_t> pass_seconds;
  std::optional<std::uint32_t> fail_seconds;

  /// How long the rank counts, within bounds that are at least 1 s; the lower one if some list has
  /// not answered.
  std::chrono::seconds life(std::chrono::seconds least, std::chrono::seconds greatest) const;
};

/// The questions about one client. It must not outlive what it is given.
class DnsblInquiry {
 public:
  DnsblInquiry(Loop& loop, Resolver& resolver, const std::vector<DnsblSite>& sites);

  /// Asks all lists; `changed` is notified after each answer.
  void start(const IpAddress& client, std::chrono::milliseconds time_max, Event& changed);
  const DnsblScore& score() const { return score_; }
  /// Whether all lists have answered, or had their time.
  bool is_complete() const { return score_.missing == unanswered_; }

 private:
  Task<> ask(std::string zone, std::string name, std::string client,
             std::chrono::milliseconds time_max, Event& changed);
  void take(const std::string& zone, const std::string& client, const DnsReply& reply);

  Loop& loop_;
  Resolver& resolver_;
  const std::vector<DnsblSite>& sites_;
  DnsblScore score_;
  std::size_t unanswered_ = 0;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
