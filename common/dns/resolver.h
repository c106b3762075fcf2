// Asks DNS about a name, within a deadline.
//
// The four outcomes of record.h stay apart all the way up: who gets TryLater defers. Names are
// given as A-labels (Domain::key()); a dot at the end makes no difference.
//
// SEE ALSO   cares_resolver.h (the real one), testing.h (a table for tests), settings.h
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

/// A client's name as found by its address.
class VerifiedName {
 public:
  /// Found: `name` leads back to the address. NoSuchName, NoData: there is none, or it leads
  /// elsewhere. TryLater: we could not find out.
  DnsStatus status = DnsStatus::NoSuchName;
  std::string name;        // `unknown` unless Found
  std::string unverified;  // what PTR says, where it says something usable
};

class Resolver {
 public:
  virtual ~Resolver() = default;

  /// One question, as it is: no search list, no hosts file.
  virtual Task<DnsReply> query(std::string name, DnsType type) = 0;
  /// The addresses that the hosts file gives a name; empty where it gives none.
  virtual std::vector<IpAddress> hosts_addresses(const std::string& name) const = 0;
  /// The first name of an address in the hosts file; empty where there is none.
  virtual std::string hosts_name(const IpAddress& address) const = 0;

  /// By ascending preference. A single record with an empty host is the null MX of RFC 7505: the
  /// domain takes no mail.
  Task<DnsAnswer<MxRecord>> mx(std::string name);
  /// A and AAAA together, IPv6 first. `localhost` needs no server (RFC 6761 section 6.3). Found
  /// where there is any address; else TryLater where one of the questions failed.
  Task<DnsAnswer<IpAddress>> addresses(std::string name, AddressFamilies families);
  /// The same, but the hosts file comes first.
  Task<DnsAnswer<IpAddress>> native_addresses(std::string name, AddressFamilies families);
  Task<DnsAnswer<std::string>> txt(std::string name);
  /// `_25._tcp.mx.example.org`
  Task<DnsAnswer<TlsaRecord>> tlsa(std::string name);
  /// Whether the name servers validate DNSSEC: whether what they say of the root, which is signed,
  /// is authentic. The answer's status tells whether they said anything.
  Task<DnsReply> root_zone() { return query(".", DnsType::Soa); }
  /// The name of a client: PTR, or the hosts file, and back to the address.
  Task<VerifiedName> verified_name(IpAddress address);

 private:
  Task<bool> leads_to(std::string name, IpAddress address, bool& try_later);
};

}  // namespace pennypost
