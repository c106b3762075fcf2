// Makes DnsSettings (servers and time limits) from resolv.conf, hosts and our own settings.
//
// The processes that need it run in a chroot without /etc, so the master reads both files before it
// forks them (Child::prepared().files), and their content is passed in here.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost {

class Config;

inline constexpr std::size_t dns_servers_max = 8;
inline constexpr std::size_t hosts_entries_max = 10'000;
inline constexpr std::uint16_t dns_port = 53;
inline constexpr std::chrono::milliseconds dns_deadline_max{60'000};

/// /etc/hosts: names in lower case to addresses, and addresses to their first name.
struct HostsTable {
  std::multimap<std::string, IpAddress> addresses;
  std::map<IpAddress, std::string> names;
};

struct DnsSettings {
  /// Uses dns_servers and the other dns_ settings; without dns_servers, the servers in
  /// /etc/resolv.conf, or 127.0.0.1 if that names none, as resolv.conf(5) says. `files` has the
  /// content of /etc/resolv.conf and /etc/hosts by their paths. Malformed entries of dns_servers
  /// are skipped.
  static DnsSettings from(const Config& config, const std::map<std::string, std::string>& files);
  /// The same for a command, which reads both files itself; one that can't be read counts as empty.
  static DnsSettings of_system(const Config& config);

  std::vector<Endpoint> servers;
  HostsTable hosts;
  bool trusts_ad = false;  // what they say of DNSSEC is believed (dns_trust_ad)
  std::chrono::milliseconds timeout{
      5000};      // for the first try at a server; doubles with each round
  int tries = 3;  // rounds over all servers
  std::chrono::milliseconds deadline{30'000};  // for one question as a whole
  std::chrono::seconds ttl_max{3600};
  std::chrono::seconds negative_ttl_max{60};
  std::size_t cache_entries_max = 10'000;
  std::size_t questions_max = 10'000;  // at the same time; more are TryLater
};

/// Whether a resolv.conf has `options trust-ad`.
bool trusts_ad(std::string_view resolv_conf);
/// The `nameserver` lines of a resolv.conf; scoped addresses (fe80::1%eth0) are skipped.
std::vector<Endpoint> parse_resolv_conf(std::string_view text);
HostsTable parse_hosts(std::string_view text);
/// `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`, `2001:db8::53`. Error 501.
Result<Endpoint> parse_dns_server(std::string_view text);

}  // namespace pennypost
