#include "smtpd/inbound/service_context.h"

#include "common/base/words.h"
#include "common/log/log.h"
#include "smtpd/inbound/screen.h"
#include "smtpd/policy/outgoing_limits.h"
#include "smtpd/policy/policy_request.h"
#include "smtpd/queue/receive_override.h"
#include "smtpd/routing/blind_copies.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/completion.h"
#include "smtpd/routing/expansion.h"

namespace pennypost::smtp {
namespace {

ErrorClasses errors_of_sessions() {
  ErrorClasses all;
  for (auto one : {ErrorClass::Bounce, ErrorClass::Data, ErrorClass::Policy, ErrorClass::Protocol,
                   ErrorClass::Resource, ErrorClass::Software}) {
    all.add(one);
  }
  return all;
}

}  // namespace

ServiceContext::ServiceContext(Service service, const std::shared_ptr<const Config>& config,
                               ProcessContext process)
    : ServiceContext(config->listening({service}).front(), config, std::move(process)) {}

ServiceContext::ServiceContext(ListeningService service, std::shared_ptr<const Config> config,
                               ProcessContext process)
    : service_(service.kind),
      service_name_(std::move(service.name)),
      is_lmtp_(service.is_lmtp),
      config_(std::move(config)),
      settings_(*service.settings),
      process_(std::move(process)),
      mynetworks_(settings_.mynetworks),
      limits_(settings_.smtpd_client_event_limit_exceptions),
      proxies_(settings_.smtpd_proxy_networks),
      without_auth_(settings_.smtpd_sasl_exceptions_networks),
      verp_clients_(settings_.smtpd_authorized_verp_clients),
      xclient_hosts_(settings_.smtpd_authorized_xclient_hosts),
      xforward_hosts_(settings_.smtpd_authorized_xforward_hosts),
      checked_elsewhere_(settings_.mailauth_exempt_networks),
      notices_(settings_.notify_classes),
      keeps_transcripts_(notices_.meet(errors_of_sessions())),
      is_tls_required_(settings_.smtpd_tls_security_level == "encrypt"),
      maps_addresses_(!is_left_out(settings_, no_address_mappings)),
      rewrites_addresses_(maps_addresses_ && smtp::rewrites_addresses(*config_)),
      copies_mail_(maps_addresses_ && has_blind_copies(*config_)),
      asks_policy_servers_(smtp::asks_policy_servers(settings_)),
      has_milters_((!settings_.smtpd_milters.empty() || !settings_.smtpd_milter_maps.empty()) &&
                   !is_left_out(settings_, no_milters)),
      limits_users_(OutgoingLimits::has_limits(*config_)),
      proxy_filter_(ProxyFilter::of(*config_, service_name_, settings_)) {
  if (settings_.postscreen_enable && service_ == Service::Smtp && !is_lmtp_) {
    screen_rules_ = std::make_shared<const ScreenRules>(settings_);
  }
  // The filter gets the message as it came; the service to which it gives it back changes it.
  if (proxy_filter_) rewrites_addresses_ = copies_mail_ = false;
  if (auto completion = completion_of(settings_)) completion_ = *std::move(completion);
  if (auto remote = remote_completion_of(settings_)) remote_completion_ = *std::move(remote);
  // An extension that EHLO does not announce is also refused to clients that use it anyway.
  bool offers_starttls =
      settings_.smtpd_tls_security_level != "none" && !discards_keyword("STARTTLS");
  if (!offers_starttls && !is_implicit_tls(service_)) process_.tls = nullptr;
  if (!settings_.smtpd_sasl_auth_enable || discards_keyword("AUTH")) process_.auth = nullptr;
  bool has_own_name = settings_.syslog_name != config_->syslog_name;
  if (has_own_name) log_component_ = "/" + settings_.syslog_name + "/smtpd";
  limits_.open_max = settings_.smtpd_client_connection_count_limit;
  limits_.per_unit_max = settings_.smtpd_client_connection_rate_limit;
  limits_.unit = config_->anvil_rate_time_unit;
}

bool ServiceContext::is_in_mynetworks(const IpAddress& address) const {
  return mynetworks_.contains(address);
}

bool ServiceContext::is_surely_in_mynetworks(const IpAddress& address) const {
  return mynetworks_.surely_contains(address);
}

std::optional<Reply> ServiceContext::enter(const IpAddress& client,
                                           ConnectionCounts::Place& place) const {
  if (process_.connections == nullptr) return std::nullopt;
  auto entry = limits_.enter(*process_.connections, client, loop().now());
  place = std::move(entry.place);
  if (entry.refusal.empty()) return std::nullopt;
  std::string address = client.text();
  log_warning(log_component_, entry.refusal + " from unknown[" + address + "] for service " +
                                  std::string(service_name()));
  return Reply(421, "4.7.0", settings_.myhostname + " Error: too many connections from " + address);
}

bool ServiceContext::is_proxy(const IpAddress& address) const { return proxies_.contains(address); }

const Completion* ServiceContext::completion_for(bool is_own_address, bool is_in_mynetworks,
                                                 bool is_authenticated) const {
  if (is_local_client(is_own_address, is_in_mynetworks, is_authenticated)) return &completion_;
  return remote_completion_ ? &*remote_completion_ : nullptr;
}

/// Whether a client is in local_header_rewrite_clients.
bool ServiceContext::is_local_client(bool is_own_address, bool is_in_mynetworks,
                                     bool is_authenticated) const {
  if (is_submission()) return true;
  auto permits = [&](std::string_view name) {
    return holds(settings_.local_header_rewrite_clients, name);
  };
  return (is_own_address && permits("permit_inet_interfaces")) ||
         (is_in_mynetworks && permits("permit_mynetworks")) ||
         (is_authenticated && permits("permit_sasl_authenticated"));
}

bool ServiceContext::discards_keyword(std::string_view keyword) const {
  return holds(settings_.smtpd_discard_ehlo_keywords, keyword);
}

Limit ServiceContext::message_bytes_max() const { return settings_.message_size_limit; }

DataScanner::Limits ServiceContext::data_limits() const {
  DataScanner::Limits limits;
  limits.message_bytes_max = message_bytes_max();
  limits.line_bytes_max = settings_.smtpd_line_length_limit;
  limits.bare_newline = parse_bare_newline(settings_.smtpd_forbid_bare_newline);
  bool keeps = limits.bare_newline == DataScanner::BareNewline::Keep;
  if (keeps && settings_.cleanup_replace_stray_cr_lf) {
    limits.bare_newline = DataScanner::BareNewline::Normalize;
  }
  return limits;
}

MailAddress ServiceContext::completed(const MailAddress& address) const {
  auto whole = smtp::completed(address, settings_);
  return whole ? *std::move(whole) : address;
}

}  // namespace pennypost::smtp
