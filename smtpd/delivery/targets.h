// Finds the hosts and addresses of a next hop, in the order in which to try them.
//
// MX hosts by preference, equal ones in random order, each with its addresses; without MX records
// the domain's own addresses. A literal address needs no look-up, a name in brackets no MX. If the
// MX list names this host, it and all hosts that are not better are left out, so that mail never
// comes back (RFC 5321 section 5.1); a host in brackets that is this host is an error.
//
// Errors: 5.1.2 no such domain, 5.4.4 no address, 5.1.10 null MX (RFC 7505), 5.4.6 this host is the
// next hop or the best MX; 4.4.3 DNS gives no answer at present.
//
// LIMITS  dns_mx_hosts_max, addresses_max
// STANDARDS  RFC 5321 section 5, RFC 7505
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/limit.h"
#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/net/address.h"
#include "smtpd/routing/next_hop.h"

namespace pennypost::smtp {

/// One address of one host.
class Target {
 public:
  Target(std::string of, Endpoint at) : host(std::move(of)), endpoint(at) {}
  std::string host;
  Endpoint endpoint;
  bool is_backup = false;  // there are MX hosts with a better preference

  /// `mx.example.org[192.0.2.1]`, and with `:25`: Postfix's relay=.
  std::string name() const { return host + "[" + endpoint.address().text() + "]"; }
  std::string text() const { return name() + ":" + std::to_string(endpoint.port()); }
};

class TargetSettings {
 public:
  static TargetSettings from(const Config& config);

  std::uint16_t port = 25;  // smtp_target_port
  AddressFamilies families;
  enum class Preference { ByTurns, V4, V6 };
  Preference preference = Preference::ByTurns;  // smtp_address_preference
  bool uses_dns = true;
  bool uses_hosts_file = false;
  std::size_t mx_hosts_max = 100;
  Limit addresses_max{5};  // smtp_mx_address_limit
  std::string myhostname;
  std::vector<std::uint16_t> own_ports{25};  // where we listen for mail
  /// Whether mail to this endpoint would reach us.
  std::function<bool(const Endpoint&)> is_own;
  /// A number below `bound`.
  std::function<std::uint32_t(std::uint32_t bound)> random;
};

/// The error of a delivery that would come back to us: 554 5.4.6 mail for `next_hop` loops back to
/// myself.
Error loop_error(const std::string& next_hop);
bool is_loop(const Error& error);

Task<Result<std::vector<Target>>> find_targets(Resolver& resolver, NextHop hop,
                                               const TargetSettings& settings);

}  // namespace pennypost::smtp
