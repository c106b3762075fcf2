#include "smtpd/routing/onward.h"

#include "common/base/text.h"
#include "common/base/words.h"
#include "smtpd/routing/resolution.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

using store::MapList;

Result<Onward> Onward::open(std::shared_ptr<const Config> config,
                            const store::MapOptions& options) {
  Onward onward;
  TRY(onward.transports_, MapList::open(config->transport_maps, options));
  TRY(onward.sender_relayhosts_, MapList::open(config->sender_dependent_relayhost_maps, options));
  TRY(onward.tls_policies_, MapList::open(config->smtp_tls_policy_maps, options));
  TRY(onward.sasl_passwords_, MapList::open(config->smtp_sasl_password_maps, options));
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
  const std::string& default_setting = domain == DomainClass::Hosted  ? config_->virtual_transport
                                       : domain == DomainClass::Relay ? config_->relay_transport
                                                                      : config_->default_transport;
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
  TRY(auto of_sender, relayhost_of(sender));
  if (of_sender) way.default_next_hop = *std::move(of_sender);
  return way;
}

/// The value in sender_dependent_relayhost_maps; the null sender is looked up as `<>`.
Result<std::optional<std::string>> Onward::relayhost_of(const std::string& sender) const {
  std::optional<std::string> found;
  if (sender_relayhosts_.empty()) return found;
  if (sender.empty()) {
    TRY(found, sender_relayhosts_.lookup("<>", MapList::Key::Whole));
  } else if (auto from = MailAddress::parse(sender, Utf8::Allowed); from && from->domain()) {
    TRY(auto match, store::lookup_address(sender_relayhosts_, from->local(), domain_key(*from),
                                          config_->recipient_delimiter, false));
    if (match) found = std::move(match->value);
  }
  if (found) found = std::string(trim(*found));
  if (found && equal_nocase(*found, "DUNNO")) found.reset();
  return found;
}

Result<Route> Onward::smtp_route(const std::string& transport, std::string_view next_hop) const {
  Route route;
  route.transport = Transport::Smtp;
  route.name = transport;
  TRY(auto hop, hop_of(trim(next_hop)));
  route.next_hop = std::move(hop.next_hop);
  route.tls_policy = std::move(hop.tls_policy);
  route.credentials = std::move(hop.credentials);
  for (const auto& relay : config_->smtp_fallback_relay) {
    // A malformed entry is an error only when it is used; mail that does not need it is not held
    // up.
    if (!NextHop::parse(relay)) {
      route.fallbacks.push_back(FallbackHop{relay, {}, {}});
      continue;
    }
    TRY(auto fallback, hop_of(relay));
    route.fallbacks.push_back(std::move(fallback));
  }
  return route;
}

/// A next hop with its values in the tables.
Result<FallbackHop> Onward::hop_of(std::string_view text) const {
  std::string written(text);
  TRY(auto hop, NextHop::parse(written));
  FallbackHop found;
  found.next_hop = hop.text();
  TRY(found.tls_policy, value_of_next_hop(tls_policies_, written, hop));
  if (config_->smtp_sasl_auth_enable) {
    TRY(found.credentials, value_of_next_hop(sasl_passwords_, written, hop));
  }
  return found;
}

/// The value for the next hop as written (`[mail.example]:submission`), or with its port as a
/// number, or for its host alone; empty if there is none.
Result<std::string> Onward::value_of_next_hop(const store::MapList& maps,
                                              const std::string& written,
                                              const NextHop& hop) const {
  if (maps.empty()) return std::string();
  for (const auto& key : {written, hop.text(), hop.host}) {
    TRY(auto value, maps.lookup(key, MapList::Key::Whole));
    if (value) return std::move(*value);
  }
  return std::string();
}

}  // namespace pennypost::smtp
