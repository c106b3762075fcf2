// AUTH (RFC 4954): passes the client's responses to the auth process, and its answers back.

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/metrics/figures.h"
#include "common/sasl/server.h"
#include "common/session/client_identity.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t auth_line_bytes_max = 12288;  // RFC 4954 section 4

}  // namespace

Security Session::security() const {
  Security security;
  security.is_encrypted = tls_ != nullptr;
  security.is_same_host = has_address_ && is_same_host(peer_.address(), local_.address());
  return security;
}

/// Called at EHLO, so that AUTH accepts the mechanisms that EHLO announced.
Task<> Session::learn_offer() {
  auto* port = context_->process().auth;
  if (port == nullptr || !depends_on_users(settings_.auth_mechanisms)) co_return;
  scram_serves_all_ = co_await port->scram_serves_all();
}

/// The auth_mechanisms that this connection may use now.
SaslOffer Session::offer() const {
  const auto& options = tls_ == nullptr ? settings_.smtpd_sasl_security_options
                                        : settings_.smtpd_sasl_tls_security_options;
  bool allows_plaintext = security().allows_plaintext(settings_.disable_plaintext_auth) &&
                          !holds(options, "noplaintext");
  std::string channel_binding;
  if (tls_ != nullptr) channel_binding = tls_->channel_binding();
  return sasl_offer(settings_.auth_mechanisms, allows_plaintext, std::move(channel_binding),
                    scram_serves_all_, !external_identity().empty());
}

/// Whom the client's certificate names; empty: nobody.
std::string Session::external_identity() const {
  return tls_ == nullptr ? "" : facts_of(*tls_, settings_).identity;
}

bool Session::offers_auth() const {
  if (context_->process().auth == nullptr) return false;
  if (settings_.smtpd_tls_auth_only && tls_ == nullptr) return false;
  if (context_->is_without_auth(peer_.address())) return false;
  return !offer().mechanisms.empty();
}

/// Why AUTH with this mechanism is refused now; nothing if it is allowed.
std::optional<Reply> Session::auth_refusal(std::string_view mechanism) const {
  if (context_->process().auth == nullptr) {
    return Reply(503, "5.5.1", "Error: authentication not enabled");
  }
  if (login_) return Reply(503, "5.5.1", "Error: already authenticated");
  if (transaction_) return Reply(503, "5.5.1", "Error: MAIL transaction in progress");
  if (helo_.empty() || !is_extended_) return Reply(503, "5.5.1", "Error: send EHLO first");
  if (mechanism.empty()) return Reply(501, "5.5.4", "Syntax: AUTH mechanism");
  bool wants_tls =
      tls_ == nullptr && (settings_.smtpd_tls_auth_only || ServerExchange::is_plaintext(mechanism));
  if (offers_auth() && offer().holds(mechanism)) return std::nullopt;
  if (wants_tls) {
    return Reply(538, "5.7.11", "Encryption required for requested authentication mechanism");
  }
  return Reply(504, "5.5.4", "Unrecognized authentication type");
}

Task<Reply> Session::auth(std::string_view arguments) {
  auto given = words(arguments, " \t");
  std::string mechanism;
  if (given.size() == 1 || given.size() == 2) mechanism = upper(given[0]);
  if (auto refused = auth_refusal(mechanism)) co_return *std::move(refused);

  store::AuthStep step;
  step.service = "smtp";
  step.mechanism = mechanism;
  step.client_address = client_address_;
  step.local_address = local_.address().text();
  step.is_secure = security().is_secure();
  step.channel_binding = offer().channel_binding;
  step.external_identity = external_identity();
  if (given.size() == 2) {
    step.has_response = true;
    // `=` is an empty response.
    auto response = given[1] == "=" ? std::optional<std::string>("") : base64_decode(given[1]);
    if (!response) co_return Reply(501, "5.5.2", "Error: the response is not base64");
    step.response = *std::move(response);
  }
  bool is_too_much = co_await is_too_often(CountClient::Event::Login,
                                           settings_.smtpd_client_auth_rate_limit, "AUTH command");
  if (is_too_much) {
    co_return Reply(450, "4.7.1", "Error: too many AUTH commands from " + client_address_);
  }
  auto exchanging = exchange(std::move(step));
  co_return co_await std::move(exchanging);
}

/// Exchanges challenges and responses until auth has decided or the client gives up.
Task<Reply> Session::exchange(store::AuthStep step) {
  using Kind = store::AuthAnswer::Kind;
  store::AuthExchange exchange(context_->loop(), *context_->process().auth, connection_.stream(),
                               settings_);
  for (;;) {
    auto asking = exchange.step(step);
    auto answer = co_await std::move(asking);
    if (answer.kind == Kind::Temporary) {
      metrics::count(metrics::Metric::logins, "unavailable");
      log_warning(context_->log_component(),
                  peer_text() + ": SASL " + step.mechanism + ": " + answer.reason);
      co_return Reply(454, "4.7.0", "Temporary authentication failure");
    }
    if (answer.kind == Kind::Failure) {
      metrics::count(metrics::Metric::logins, "failure");
      log_sasl_failed(log_peer(), step.mechanism, answer.reason, answer.login);
      co_return Reply(535, "5.7.8", "Error: authentication failed");
    }
    // Data that comes with success is sent as a challenge, to which the client sends an empty
    // response.
    if (answer.kind == Kind::Continue || !answer.challenge.empty()) {
      auto response = co_await auth_response(answer.challenge);
      if (!response) co_return Reply(response.error());
      step.has_response = true;
      step.response = *std::move(response);
    }
    if (answer.kind == Kind::Success) {
      metrics::count(metrics::Metric::logins, "success");
      login_.emplace();
      login_->mechanism = step.mechanism;
      login_->name = answer.login;
      list_login();
      co_return Reply(235, "2.7.0", "Authentication successful");
    }
  }
}

/// Sends a challenge and returns the client's response, decoded. Errors: the client cancels with
/// `*`, or the response is malformed.
Task<Result<std::string>> Session::auth_response(std::string_view challenge) {
  std::string wire;
  Reply(334, "", base64_encode(challenge)).append_to(wire);
  put(wire);
  Line line = co_await connection_.line(auth_line_bytes_max);
  if (trace_.is_asked()) trace_.hear(traced(), "(a response, not shown)");
  if (line.is_too_long) co_return Error(500, "5.5.6", "Authentication exchange line is too long");
  if (line.text == "*") co_return Error(501, "5.7.0", "Authentication aborted");
  auto response = base64_decode(trim(line.text));
  if (!response) co_return Error(501, "5.5.2", "Error: the response is not base64");
  co_return *std::move(response);
}

}  // namespace pennypost::smtp
