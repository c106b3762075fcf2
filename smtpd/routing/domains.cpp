#include "smtpd/routing/domains.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/system.h"
#include "common/config/tables.h"
#include "store/accounts/accounts.h"

namespace pennypost::smtp {
namespace {

/// The name in the form of Domain::key(), or in lower case if it is not a domain.
std::string normal_form(const std::string& name) {
  bool is_parent = name.starts_with('.');
  auto domain = Domain::parse(is_parent ? name.substr(1) : name, Utf8::Allowed);
  if (!domain) return lower(name);
  return (is_parent ? "." : "") + domain->key();
}

}  // namespace

Result<DomainList> DomainList::open(const std::vector<std::string>& items, bool parents_match,
                                    const store::MapOptions& options, const TableRef& kept) {
  DomainList list;
  list.parents_match_ = parents_match;
  for (std::string text : items) {
    Item item{list.names_.size() + list.tables_.size(), text.starts_with('!')};
    if (item.is_excluded) text.erase(0, 1);
    if (TableRef::is_table(text)) {
      TRY(auto reference, table_of_item(text));
      TRY(auto map, store::MapList::open(
                        {reference}, reference == kept ? store::of_own_table(options) : options));
      list.tables_.push_back(Table{item, std::move(map)});
    } else {
      list.names_.emplace(normal_form(text), item);
    }
  }
  return list;
}

/// The keys of a domain: its name, and `.example.com` for each parent domain; if parents match,
/// `example.com` as well.
std::vector<DomainList::Key> DomainList::keys_of(std::string_view domain) const {
  std::vector<Key> keys{{domain, store::MapList::Key::Whole}};
  if (domain.starts_with('[')) return keys;
  for (auto dot = domain.find('.', 1); dot != domain.npos; dot = domain.find('.', dot + 1)) {
    keys.push_back({domain.substr(dot), store::MapList::Key::Partial});
    if (parents_match_) keys.push_back({domain.substr(dot + 1), store::MapList::Key::Partial});
  }
  return keys;
}

Result<bool> DomainList::contains(std::string_view domain) const {
  auto keys = keys_of(domain);
  const Item* first = nullptr;
  for (const auto& key : keys) {
    auto found = names_.find(key.text);
    if (found == names_.end()) continue;
    if (first == nullptr || found->second.place < first->place) first = &found->second;
  }
  for (const auto& table : tables_) {
    if (first != nullptr && first->place < table.item.place) break;
    for (const auto& key : keys) {
      TRY(auto value, table.map.lookup(key.text, key.kind));
      if (value) return !table.item.is_excluded;
    }
  }
  return first != nullptr && !first->is_excluded;
}

Result<Domains> Domains::open(const Config& config, std::vector<IpAddress> own_addresses,
                              const store::MapOptions& options) {
  Domains domains;
  domains.own_addresses_ = std::move(own_addresses);
  auto srs_domain = Domain::parse(config.srs_domain, Utf8::Allowed);
  if (srs_domain) domains.srs_domain_ = srs_domain->key();
  TRY(domains.final_, DomainList::open(config.mydestination, false, options));
  const auto& matching = config.parent_domain_matches_subdomains;
  auto parents_match = [&](std::string_view name) {
    return std::find(matching.begin(), matching.end(), name) != matching.end();
  };
  TRY(domains.virtual_, DomainList::open(config.virtual_alias_domains,
                                         parents_match("virtual_alias_domains"), options));
  TRY(domains.hosted_,
      DomainList::open(config.virtual_mailbox_domains, false, options, config.domains_map));
  TRY(domains.relay_,
      DomainList::open(config.relay_domains, parents_match("relay_domains"), options));
  TRY(domains.flushed_,
      DomainList::open(config.fast_flush_domains, parents_match("fast_flush_domains"), options));
  return domains;
}

Result<DomainClass> Domains::classify(const Domain& domain) const {
  if (auto literal = domain.literal_address()) {
    auto address = IpAddress::parse(*literal);
    return address && is_own_address(*address) ? DomainClass::Local : DomainClass::Foreign;
  }
  TRY(bool is_final, final_.contains(domain.key()));
  if (is_final) return DomainClass::Local;
  TRY(bool is_virtual, virtual_.contains(domain.key()));
  if (is_virtual) return DomainClass::VirtualAlias;
  TRY(bool is_hosted, hosted_.contains(domain.key()));
  if (is_hosted) return DomainClass::Hosted;
  TRY(bool is_relay, relay_.contains(domain.key()));
  if (is_relay) return DomainClass::Relay;
  return domain.key() == srs_domain_ ? DomainClass::VirtualAlias : DomainClass::Foreign;
}

bool Domains::is_own_address(const IpAddress& address) const {
  return address.is_loopback() || address.is_unspecified() ||
         std::find(own_addresses_.begin(), own_addresses_.end(), address) != own_addresses_.end();
}

std::vector<IpAddress> own_addresses(const Config& config) {
  std::vector<IpAddress> addresses;
  auto add = [&](std::string_view text) {
    auto address = IpAddress::parse(text);
    if (address) addresses.push_back(*address);
  };
  for (const auto& text : config.at(Service::Smtp).inet_interfaces) add(text);
  for (const auto& text : config.proxy_interfaces) add(text);
  for (const auto& interface : System::query().interfaces) add(interface.address);
  return addresses;
}

}  // namespace pennypost::smtp
