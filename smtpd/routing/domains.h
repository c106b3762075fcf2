// Classifies domains: final on this host, relayed by it, or foreign.
//
// mydestination, virtual_alias_domains, virtual_mailbox_domains and relay_domains are lists of
// names and tables. Names are compared without case and as A-labels; in relay_domains a name also
// matches its subdomains if parent_domain_matches_subdomains says so. `.example.com` matches its
// subdomains. A literal with an address of this host is final. A bare `/path` in such a list is a
// file of names. srs_domain, if it is in none of them, has no users but the senders made in it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "common/net/address.h"
#include "smtpd/routing/domain_class.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// A list of names and tables, some with `!` before them. The first item that matches a domain
/// decides, as in Postfix's match_list(3).
class DomainList {
 public:
  DomainList() = default;
  /// `kept`: a table that counts as empty until it exists, since a command makes it.
  static Result<DomainList> open(const std::vector<std::string>& items, bool parents_match,
                                 const store::MapOptions& options, const TableRef& kept = {});
  /// Error: a table can't be read now.
  Result<bool> contains(std::string_view key) const;

 private:
  struct Item {
    std::size_t place;  // in the list
    bool is_excluded;   // written with !: what it matches is not in the list
  };
  struct Table {
    Item item;
    store::MapList map;
  };
  struct Key {
    std::string_view text;
    store::MapList::Key kind;
  };
  std::vector<Key> keys_of(std::string_view domain) const;

  std::map<std::string, Item, std::less<>> names_;  // each with its first place
  std::vector<Table> tables_;                       // in the list's order
  bool parents_match_ = false;
};

class Domains {
 public:
  /// `own_addresses`: of this host's interfaces and of proxy_interfaces.
  static Result<Domains> open(const Config& config, std::vector<IpAddress> own_addresses,
                              const store::MapOptions& options);

  Result<DomainClass> classify(const Domain& domain) const;
  bool is_own_address(const IpAddress& address) const;
  /// fast_flush_domains.
  Result<bool> may_flush(const Domain& domain) const { return flushed_.contains(domain.key()); }

 private:
  DomainList final_;
  DomainList virtual_;
  DomainList hosted_;
  DomainList relay_;
  DomainList flushed_;
  std::string srs_domain_;  // in the form of Domain::key(); empty: none
  std::vector<IpAddress> own_addresses_;
};

/// This host's addresses, from the configuration and the system, including loopback.
std::vector<IpAddress> own_addresses(const Config& config);

}  // namespace pennypost::smtp
