#include "smtpd/routing/domains.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/system.h"

namespace pennypost::smtp {
namespace {

/// A name as Domain::key() has it, or as it is where it is no domain.
std::string normal_form(const std::string& name) {
  auto domain = Domain::parse(name, Utf8::Allowed);
  return domain ? domain->key() : lower(name);
}

}  // namespace

Result<DomainList> DomainList::open(const std::vector<std::string>& items, bool parents_match,
                                    const store::MapOptions& options) {
  DomainList list;
  list.parents_match_ = parents_match;
  std::vector<TableRef> tables;
  for (const auto& item : items) {
    if (TableRef::is_table(item)) {
      TRY(auto table, TableRef::parse(item));
      tables.push_back(std::move(table));
    } else if (item.starts_with('!')) {
      list.excluded_.insert(normal_form(item.substr(1)));
    } else {
      list.names_.insert(normal_form(item));
    }
  }
  TRY(list.tables_, store::MapList::open(tables, options));
  return list;
}

Result<bool> DomainList::contains(std::string_view key) const {
  bool is_whole = true;
  for (;;) {
    if (excluded_.contains(key)) return false;
    // A name written `.example.com` stands for what is below it alone.
    if (names_.contains(key)) return true;
    auto kind = is_whole ? store::MapList::Key::Whole : store::MapList::Key::Partial;
    TRY(auto value, tables_.lookup(key, kind));
    if (value) return true;
    auto dot = key.find('.', 1);
    if (key.starts_with('[') || dot == key.npos) return false;
    std::string_view dotted = key.substr(dot);
    if (names_.contains(dotted)) return true;
    TRY(auto below, tables_.lookup(dotted, store::MapList::Key::Partial));
    if (below) return true;
    if (!parents_match_) return false;
    key = dotted.substr(1);
    is_whole = false;
  }
}

Result<Domains> Domains::open(const Config& config, std::vector<IpAddress> own_addresses,
                              const store::MapOptions& options) {
  Domains domains;
  domains.own_addresses_ = std::move(own_addresses);
  TRY(domains.final_, DomainList::open(config.mydestination, false, options));
  const auto& matching = config.parent_domain_matches_subdomains;
  auto parents_match = [&](std::string_view name) {
    return std::find(matching.begin(), matching.end(), name) != matching.end();
  };
  TRY(domains.virtual_, DomainList::open(config.virtual_alias_domains,
                                         parents_match("virtual_alias_domains"), options));
  TRY(domains.relay_,
      DomainList::open(config.relay_domains, parents_match("relay_domains"), options));
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
  TRY(bool is_relay, relay_.contains(domain.key()));
  return is_relay ? DomainClass::Relay : DomainClass::Foreign;
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
  for (const auto& text : config.inet_interfaces) add(text);
  for (const auto& text : config.proxy_interfaces) add(text);
  for (const auto& interface : System::query().interfaces) add(interface.address);
  return addresses;
}

}  // namespace pennypost::smtp
