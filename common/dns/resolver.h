// Queries DNS about a name, within a deadline.
//
// Callers must distinguish the four outcomes of record.h, and defer on TryLater. Names are A-labels
// (Domain::key()); a dot at the end makes no difference.
//
// SEE ALSO cares_resolver.h (the implementation), testing.h (a table for tests), settings.h
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/dns/record.h"
#include "common/net/address.h"

namespace pennypost {

/// Which addresses are wanted: inet_protocols, smtp_address_preference.
struct AddressFamilies {
  bool v4 = true;
  bool v6 = true;
};

/// A client's name, looked up by its address.
class VerifiedName {
 public:
  /// Found: `name` resolves back to the address. NoSuchName, NoData: there is no name, or it
  /// resolves to other addresses. TryLater: unknown at the moment.
  DnsStatus status = DnsStatus::NoSuchName;
  std::string name;        // `unknown` unless Found
  std::string unverified;  // the name from PTR, if it is a valid one
};

class Resolver {
 public:
  virtual ~Resolver() = default;

  /// Sends one question as it is, without search list and hosts file.
  virtual Task<DnsReply> query(std::string name, DnsType type) = 0;
  /// The addresses of a name in the hosts file; empty if there are none.
  virtual std::vector<IpAddress> hosts_addresses(const std::string& name) const = 0;
  /// The first name of an address in the hosts file; empty if there is none.
  virtual std::string hosts_name(const IpAddress& address) const = 0;

  /// In order of ascending preference. A single record with an empty host is the null MX of RFC
  /// 7505: the domain accepts no mail.
  Task<DnsAnswer<MxRecord>> mx(std::string name);
  /// A and AAAA together, IPv6 first. `localhost` needs no server (RFC 6761 section 6.3). Found if
  /// there is any address; else TryLater if one of the questions failed.
  Task<DnsAnswer<IpAddress>> addresses(std::string name, AddressFamilies families);
  /// The same, but the hosts file comes first.
  Task<DnsAnswer<IpAddress>> native_addresses(std::string name, AddressFamilies families);
  Task<DnsAnswer<std::string>> txt(std::string name);
  /// The names of a zone's servers; a name within a zone has none.
  Task<DnsAnswer<std::string>> ns(std::string name);
  /// `_25._tcp.mx.example.org`
  Task<DnsAnswer<TlsaRecord>> tlsa(std::string name);
  /// The alias itself: whether a name has a CNAME record, and whether that is authentic.
  Task<DnsReply> alias(std::string name) { return query(std::move(name), DnsType::Cname); }
  /// Tells by is_authentic whether the name servers validate DNSSEC, since the root zone is signed.
  /// The answer's status tells whether they answered at all.
  Task<DnsReply> root_zone() { return query(".", DnsType::Soa); }
  /// The name of a client by PTR or the hosts file, verified by looking up its addresses.
  Task<VerifiedName> verified_name(IpAddress address);

 private:
  Task<bool> leads_to(std::string name, IpAddress address, bool& try_later);
};

}  // namespace pennypost
