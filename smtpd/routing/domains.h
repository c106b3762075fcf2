// A domain in, what this host is for it out: the end, a relay, or a stranger.
//
// mydestination, virtual_alias_domains and relay_domains are lists of names and tables. Names match
// without case and as A-labels; in relay_domains also what is below them, where
// parent_domain_matches_subdomains says so. A literal of an address of ours is mydestination's.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "common/net/address.h"
#include "smtpd/policy/evaluate.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// A list of names and tables.
class DomainList {
 public:
  DomainList() = default;
  static Result<DomainList> open(const std::vector<std::string>& items, bool parents_match,
                                 const store::MapOptions& options);
  /// Error: a table can't tell now.
  Result<bool> contains(std::string_view key) const;

 private:
  std::set<std::string, std::less<>> names_;
  std::set<std::string, std::less<>> excluded_;  // written with !: nothing at or below it is meant
  store::MapList tables_;
  bool parents_match_ = false;
};

class Domains {
 public:
  /// `own_addresses`: those of this host's interfaces and of proxy_interfaces.
  static Result<Domains> open(const Config& config, std::vector<IpAddress> own_addresses,
                              const store::MapOptions& options);

  Result<DomainClass> classify(const Domain& domain) const;
  bool is_own_address(const IpAddress& address) const;

 private:
  DomainList final_;
  DomainList virtual_;
  DomainList relay_;
  std::vector<IpAddress> own_addresses_;
};

/// This host's addresses as the configuration and the system name them, loopback included.
std::vector<IpAddress> own_addresses(const Config& config);

}  // namespace pennypost::smtp
