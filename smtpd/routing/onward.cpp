#include "smtpd/routing/onward.h"

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/lmtp_settings.h"
#include "smtpd/routing/resolution.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

using store::MapList;

Result<Onward> Onward::open(std::shared_ptr<const Config> config,
                            const store::MapOptions& options) {
  Onward onward;
  TRY(onward.transports_, MapList::open(config->transport_maps, options));
  TRY(onward.sender_relayhosts_, MapList::open(config->sender_dependent_relayhost_maps, options));
  TRY(onward.sender_transports_,
      MapList::open(config->sender_dependent_default_transport_maps, options));
  TRY(onward.smtp_hops_, HopTables::open(Transport::Smtp, config, options));
  TRY(onward.lmtp_hops_, HopTables::open(Transport::Lmtp, lmtp_client_config(*config), options));
  for (const auto& [name, transport] : config->transports()) {
    if (!transport.is_client()) continue;
    auto protocol = transport.kind == TransportKind::Lmtp ? Transport::Lmtp : Transport::Smtp;
    TRY(onward.own_hops_[name], HopTables::open(protocol, config->as_transport(name), options));
  }
  onward.config_ = std::move(config);
  return onward;
}

/// The order of transport(5): the whole address, the address without its extension, the domain, its
/// parent domains as `.example.com` (and as `example.com` if parent_domain_matches_subdomains says
/// so), and `*`.
Result<std::optional<std::string>> Onward::transport_of(const MailAddress& address) const {
  std::optional<std::string> none;
  if (transports_.empty()) return none;
  std::string domain = domain_key(address);
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  bool are_plain = holds(config_->parent_domain_matches_subdomains, "transport_maps");
  std::vector<std::pair<std::string, MapList::Key>> keys;
  keys.emplace_back(address.local() + "@" + domain, MapList::Key::Whole);
  if (split.delimiter != '\0') {
    keys.emplace_back(std::string(split.user) + "@" + domain, MapList::Key::Partial);
  }
  if (!domain.empty()) {
    keys.emplace_back(domain, MapList::Key::Partial);
    for (auto dot = domain.find('.'); dot != domain.npos && !domain.starts_with('[');
         dot = domain.find('.', dot + 1)) {
      keys.emplace_back(domain.substr(dot), MapList::Key::Partial);
      if (are_plain) keys.emplace_back(domain.substr(dot + 1), MapList::Key::Partial);
    }
  }
  keys.emplace_back("*", MapList::Key::Partial);
  for (const auto& [key, kind] : keys) {
    TRY(auto value, transports_.lookup(key, kind));
    if (value) return std::optional(std::string(trim(*value)));
  }
  return none;
}

Result<Onward::Way> Onward::way(const MailAddress& address, DomainClass domain,
                                const std::string& sender) const {
  std::string default_setting = domain == DomainClass::Hosted  ? config_->virtual_transport
                                : domain == DomainClass::Relay ? config_->relay_transport
                                                               : config_->default_transport;
  if (domain == DomainClass::Foreign) {
    TRY(auto of_its_sender, of_sender(sender_transports_, sender));
    if (of_its_sender && !of_its_sender->empty()) default_setting = *std::move(of_its_sender);
  }
  Way way;
  way.transport = default_setting;
  way.default_next_hop = domain_key(address);
  TRY(auto named, transport_of(address));
  if (named && *named != ":" && !named->empty()) {
    auto transport = TransportName::parse(*named);
    if (transport.name.empty()) transport.name = TransportName::parse(default_setting).name;
    way.transport = transport.name + ":" + transport.next_hop;
    return way;
  }
  if (domain == DomainClass::Hosted) return way;
  if (!config_->relayhost.empty()) way.default_next_hop = config_->relayhost;
  TRY(auto of_its_sender, of_sender(sender_relayhosts_, sender));
  if (of_its_sender) way.default_next_hop = *std::move(of_its_sender);
  return way;
}

/// The value for a sender in sender_dependent_relayhost_maps or its kin; nothing also for DUNNO.
/// The null sender is looked up as `<>`.
Result<std::optional<std::string>> Onward::of_sender(const store::MapList& table,
                                                     const std::string& sender) const {
  std::optional<std::string> found;
  if (table.empty()) return found;
  if (sender.empty()) {
    TRY(found, table.lookup("<>", MapList::Key::Whole));
  } else if (auto from = MailAddress::parse(sender, Utf8::Allowed); from && from->domain()) {
    TRY(auto match, store::lookup_address(table, from->local(), domain_key(*from),
                                          config_->recipient_delimiter, false));
    if (match) found = std::move(match->value);
  }
  if (found) found = std::string(trim(*found));
  if (found && equal_nocase(*found, "DUNNO")) found.reset();
  return found;
}

Result<Route> Onward::route(Transport protocol, const std::string& name,
                            std::string_view next_hop) const {
  return hops_of(protocol, name).route(name, next_hop);
}

Result<void> Onward::use_login_of(const std::string& sender, Route& route) const {
  return hops_of(route.transport, route.name).use_login_of(sender, route);
}

const HopTables& Onward::hops_of(Transport protocol, const std::string& name) const {
  auto own = own_hops_.find(name);
  if (own != own_hops_.end()) return own->second;
  return protocol == Transport::Lmtp ? lmtp_hops_ : smtp_hops_;
}

}  // namespace pennypost::smtp
