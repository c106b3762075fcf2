// Holds what all sessions of one SMTP service share: settings, networks, limits, TLS, backend.
//
// It is made once for each service and configuration.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/config/network_list.h"
#include "common/config/notify_classes.h"
#include "common/dns/resolver.h"
#include "common/mail/address.h"
#include "common/mail/completion.h"
#include "common/net/address.h"
#include "common/net/connection_counts.h"
#include "common/net/trace.h"
#include "common/session/connection_limits.h"
#include "common/tls/context.h"
#include "smtpd/inbound/backend.h"
#include "smtpd/inbound/data_scanner.h"
#include "smtpd/inbound/filter.h"
#include "smtpd/inbound/proxy_filter.h"
#include "smtpd/inbound/reply.h"
#include "store/login/auth.h"

namespace pennypost::smtp {

/// What the process provides to all its sessions.
struct ProcessContext {
  Loop& loop;
  Backend& backend;
  store::AuthPort* auth = nullptr;            // null: no AUTH
  Resolver* resolver = nullptr;               // null: no mailauth_checks
  std::shared_ptr<TlsContext> tls = nullptr;  // null: no TLS
  ConnectionCounts* connections = nullptr;    // null: no connection limits
  std::function<QueueId()> make_queue_id = {};
  const Clock* clock = &Clock::system();
  std::function<void(FilterChain&)> add_filters = {};  // called for each session; may be empty
  TraceDesk* traces = nullptr;                         // null: no dialogue is ever watched
};

struct ScreenRules;

class ServiceContext {
 public:
  /// `service` is one of `config`.
  ServiceContext(ListeningService service, std::shared_ptr<const Config> config,
                 ProcessContext process);
  /// For a built-in service.
  ServiceContext(Service service, const std::shared_ptr<const Config>& config,
                 ProcessContext process);

  const ProcessContext& process() const { return process_; }
  Loop& loop() const { return process_.loop; }
  Backend& backend() const { return process_.backend; }
  const Settings& settings() const { return settings_; }
  /// As which the service behaves.
  Service service() const { return service_; }
  std::string_view service_name() const { return service_name_; }
  bool is_lmtp() const { return is_lmtp_; }
  /// The component in log lines; a service may have its own syslog_name.
  std::string_view log_component() const { return log_component_; }
  /// Whether this is submission (587 or 465), where users hand in mail (RFC 6409).
  bool is_submission() const { return service_ != Service::Smtp; }

  /// How addresses in the headers of our own clients' mail are completed.
  const Completion& completion() const { return completion_; }
  /// The same for a client's mail, by local_header_rewrite_clients and
  /// remote_header_rewrite_domain; null: its headers are not changed.
  const Completion* completion_for(bool is_own_address, bool is_in_mynetworks,
                                   bool is_authenticated) const;
  bool is_in_mynetworks(const IpAddress& address) const;
  /// The same, but false if the answer depends on a table in mynetworks.
  bool is_surely_in_mynetworks(const IpAddress& address) const;
  /// Whether the client is in smtpd_client_event_limit_exceptions.
  bool is_free_of_limits(const IpAddress& address) const { return limits_.is_exempt(address); }
  /// Counts a connection of this client. If the client has too many, logs that and returns the
  /// reply.
  std::optional<Reply> enter(const IpAddress& client, ConnectionCounts::Place& place) const;
  /// smtpd_authorized_xclient_hosts, and ..._xforward_hosts.
  bool may_xclient(const IpAddress& client) const { return xclient_hosts_.contains(client); }
  bool may_xforward(const IpAddress& client) const { return xforward_hosts_.contains(client); }
  /// smtpd_authorized_verp_clients.
  bool may_verp(const IpAddress& client) const { return verp_clients_.contains(client); }
  /// Whether ETRN may flush any domain.
  bool may_flush() const { return !is_lmtp_ && !config_->fast_flush_domains.empty(); }
  /// Whether the peer is in smtpd_proxy_networks, so that its connections begin with a PROXY
  /// header.
  bool is_proxy(const IpAddress& address) const;
  /// Whether the client is in smtpd_sasl_exceptions_networks.
  bool is_without_auth(const IpAddress& client) const { return without_auth_.contains(client); }
  /// Whether strangers' mail goes through mailauth_checks.
  bool checks_authentication() const {
    return process_.resolver != nullptr && !is_submission() && !settings_.mailauth_checks.empty();
  }
  /// Whether the client's mail is checked elsewhere: mynetworks, mailauth_exempt_networks.
  bool is_exempt_from_authentication(const IpAddress& client) const {
    return is_in_mynetworks(client) || checked_elsewhere_.contains(client);
  }
  bool is_tls_required() const { return is_tls_required_; }
  /// The same, or TLS is where the service begins.
  bool is_tls_mandatory() const { return is_tls_required_ || is_implicit_tls(service_); }
  bool offers_tls() const { return process_.tls != nullptr && !is_implicit_tls(service_); }
  bool discards_keyword(std::string_view keyword) const;
  Limit message_bytes_max() const;
  DataScanner::Limits data_limits() const;
  /// smtpd_proxy_filter; null: there is none.
  const std::shared_ptr<const ProxyFilter>& proxy_filter() const { return proxy_filter_; }
  /// How strangers are tested before a session; null: they are not (postscreen_enable).
  const ScreenRules* screen_rules() const { return screen_rules_.get(); }
  /// Whether there is an outgoing_... limit.
  bool limits_users() const { return limits_users_; }
  /// Whether milters are asked about any client.
  bool has_milters() const { return has_milters_; }
  /// Whether a policy server may be asked, and is then told more about a session.
  bool tells_facts() const { return asks_policy_servers_; }
  /// Of which errors postmaster is told.
  const ErrorClasses& notices() const { return notices_; }
  /// Whether a session may have such an error.
  bool keeps_transcripts() const { return keeps_transcripts_; }
  /// Whether refusals get a footer.
  bool has_footer() const {
    return !settings_.smtpd_reject_footer.empty() || !settings_.smtpd_reject_footer_maps.empty();
  }
  /// Whether there are canonical maps or masquerade_domains.
  bool rewrites_addresses() const { return rewrites_addresses_; }
  /// Whether blind copies are sent to anybody.
  bool copies_mail() const { return copies_mail_; }
  /// Whether canonical maps, masquerade_domains, virtual aliases and blind copies apply.
  bool maps_addresses() const { return maps_addresses_; }
  /// The address with its domain completed, as it is queued; see ../routing/expansion.h.
  MailAddress completed(const MailAddress& address) const;

 private:
  bool is_local_client(bool is_own_address, bool is_in_mynetworks, bool is_authenticated) const;

  Service service_;
  std::string service_name_;
  bool is_lmtp_;
  std::shared_ptr<const Config> config_;
  const Settings& settings_;
  ProcessContext process_;
  Completion completion_;
  std::optional<Completion> remote_completion_;
  NetworkList mynetworks_;
  ConnectionLimits limits_;
  NetworkList proxies_;
  NetworkList without_auth_;
  NetworkList verp_clients_;
  NetworkList xclient_hosts_;
  NetworkList xforward_hosts_;
  NetworkList checked_elsewhere_;
  ErrorClasses notices_;
  bool keeps_transcripts_;
  bool is_tls_required_;
  bool maps_addresses_;
  bool rewrites_addresses_;
  bool copies_mail_;
  bool asks_policy_servers_;
  bool has_milters_;
  bool limits_users_;
  std::shared_ptr<const ProxyFilter> proxy_filter_;
  std::shared_ptr<const ScreenRules> screen_rules_;
  std::string log_component_ = "smtpd";
};

}  // namespace pennypost::smtp
