// Finds the hosts and addresses of a next hop, in the order in which to try them.
//
// MX hosts by preference, equal ones in random order, each with its addresses; without MX records
// the domain's own addresses. A literal address needs no look-up, a name in brackets no MX. If the
// MX list names this host, it and all hosts that are not better are left out, so that mail never
// comes back (RFC 5321 section 5.1); a host in brackets that is this host is an error. An LMTP
// server delivers the mail itself, so that it may be on this host.
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

/// One address of one host, or a Unix socket of this one.
class Target {
 public:
  Target(std::string of, Endpoint at) : host(std::move(of)), endpoint(at) {}
  /// `path`: as in the next hop.
  Target(std::string of, std::string path)
      : host(std::move(of)), endpoint(IpAddress::loopback4(), 0), socket(std::move(path)) {}
  std::string host;
  Endpoint endpoint;       // 127.0.0.1:0 if it is a socket
  std::string socket;      // its path, or empty
  bool is_backup = false;  // there are MX hosts with a better preference
  // What DNSSEC says of the way to it (RFC 7672 section 2.2).
  bool is_from_mx = false;          // an MX record led here, or the lack of one
  bool has_secure_mx = false;       // and that answer was secure
  bool has_secure_address = false;  // the same of A and AAAA
  std::string canonical;            // the name that CNAMEs of `host` lead to; empty: none do

  bool is_local() const { return !socket.empty(); }
  /// `mx.example.org[192.0.2.1]`, and with `:25`: Postfix's relay=. Of a socket both are
  /// `mail.example.com[private/lmtp]`.
  std::string name() const {
    return host + "[" + (is_local() ? socket : endpoint.address().text()) + "]";
  }
  std::string text() const {
    return is_local() ? name() : name() + ":" + std::to_string(endpoint.port());
  }
};

class TargetSettings {
 public:
  static TargetSettings from(const Config& config);
  /// `config`: with the client's settings for LMTP. No server is this host in the sense of a loop.
  static TargetSettings for_lmtp(const Config& config);

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
