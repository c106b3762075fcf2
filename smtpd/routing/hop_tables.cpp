#include "smtpd/routing/hop_tables.h"

#include "common/base/text.h"
#include "smtpd/routing/resolution.h"
#include "smtpd/routing/trust_anchor_files.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

using store::MapList;

Result<HopTables> HopTables::open(Transport protocol, std::shared_ptr<const Config> config,
                                  const store::MapOptions& options) {
  HopTables tables;
  tables.protocol_ = protocol;
  TRY(tables.tls_policies_, MapList::open(config->smtp_tls_policy_maps, options));
  TRY(tables.sasl_passwords_, MapList::open(config->smtp_sasl_password_maps, options));
  TRY(tables.requiretls_, RequireTlsHops::open(*config, options));
  tables.config_ = std::move(config);
  return tables;
}

Result<NextHop> HopTables::parse(std::string_view text) const {
  return protocol_ == Transport::Lmtp ? NextHop::parse_lmtp(text) : NextHop::parse(text);
}

Result<Route> HopTables::route(const std::string& name, std::string_view next_hop) const {
  Route route;
  route.transport = protocol_;
  route.name = name;
  TRY(auto hop, hop_of(trim(next_hop)));
  route.next_hop = std::move(hop.next_hop);
  route.tls_policy = std::move(hop.tls_policy);
  route.credentials = std::move(hop.credentials);
  route.trust_anchors = std::move(hop.trust_anchors);
  route.requiretls = hop.requiretls;
  for (const auto& relay : config_->smtp_fallback_relay) {
    // A malformed entry is an error only when it is used; mail that does not need it is not held
    // up.
    if (!parse(relay)) {
      route.fallbacks.push_back(FallbackHop{relay, {}, {}});
      continue;
    }
    TRY(auto fallback, hop_of(relay));
    route.fallbacks.push_back(std::move(fallback));
  }
  return route;
}

Result<void> HopTables::use_login_of(const std::string& sender, Route& route) const {
  bool is_wanted = config_->smtp_sender_dependent_authentication && config_->smtp_sasl_auth_enable;
  if (!is_wanted || sender.empty()) return {};
  auto from = MailAddress::parse(sender, Utf8::Allowed);
  if (!from || !from->domain()) return {};
  TRY(auto match, store::lookup_address(sasl_passwords_, from->local(), domain_key(*from),
                                        config_->recipient_delimiter, false));
  if (!match) return {};
  for (auto& fallback : route.fallbacks) fallback.credentials = match->value;
  route.credentials = std::move(match->value);
  return {};
}

/// A next hop with its values in the tables.
Result<FallbackHop> HopTables::hop_of(std::string_view text) const {
  std::string written(text);
  TRY(auto hop, parse(written));
  FallbackHop found;
  found.next_hop = hop.text();
  TRY(found.tls_policy, value_of(tls_policies_, written, hop));
  TRY(found.requiretls, requiretls_.find(hop.socket.empty() ? hop.host : config_->myhostname));
  TRY(found.trust_anchors, read_trust_anchors(found.tls_policy, *config_));
  if (config_->smtp_sasl_auth_enable) {
    TRY(found.credentials, value_of(sasl_passwords_, written, hop));
  }
  return found;
}

/// The value for the next hop as written (`[mail.example]:submission`), or with its port as a
/// number, or for its host or socket alone; empty if there is none.
Result<std::string> HopTables::value_of(const store::MapList& maps, const std::string& written,
                                        const NextHop& hop) {
  constexpr std::string_view inet_prefix = "inet:";
  if (maps.empty()) return std::string();
  bool is_marked = written.starts_with(inet_prefix);
  std::string bare = is_marked ? written.substr(inet_prefix.size()) : written;
  for (const auto& key : {bare, hop.text(), hop.socket.empty() ? hop.host : hop.socket}) {
    TRY(auto value, maps.lookup(key, MapList::Key::Whole));
    if (value) return std::move(*value);
  }
  return std::string();
}

}  // namespace pennypost::smtp
