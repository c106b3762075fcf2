#include "store/login/login_session.h"

#include "common/base/text.h"
#include "common/metrics/figures.h"
#include "common/sasl/server.h"
#include "common/session/client_identity.h"
#include "common/session/starttls.h"

namespace pennypost::store {
namespace {

constexpr std::size_t sasl_line_bytes_max = ServerExchange::response_bytes_max * 4 / 3 + 4;

}  // namespace

LoginSession::LoginSession(std::string_view name, Connection& connection,
                           std::shared_ptr<const Config> config, LoginClient client, AuthPort& auth)
    : name_(name),
      connection_(connection),
      config_(std::move(config)),
      settings_(config_->at(client.service)),
      client_(std::move(client)),
      address_(client_.address.text()),
      local_address_(client_.local.text()),
      auth_(auth),
      trace_(client_.traces, connection_),
      since_(connection.loop().now()) {
  security_.is_same_host = is_same_host(client_.address, client_.local);
  auto* tls = dynamic_cast<TlsStream*>(&connection_.stream());
  security_.is_encrypted = tls != nullptr;
  if (tls != nullptr) tls_facts_ = facts_of(*tls, settings_);
  if (client_.past) {
    security_.is_encrypted = client_.past->is_encrypted;
    tls_facts_ = client_.past->tls;
  }
}

bool LoginSession::may_log_in() const {
  bool needs_certificate = settings_.auth_ssl_require_client_cert;
  if (needs_certificate && !tls_facts_.has_trusted_certificate) return false;
  return settings_.ssl != "required" || is_encrypted();
}

bool LoginSession::allows_plaintext() const {
  if (!may_log_in()) return false;
  return security_.allows_plaintext(settings_.disable_plaintext_auth);
}

SaslOffer LoginSession::offer() const {
  if (!may_log_in()) return {};
  return sasl_offer(settings_.auth_mechanisms, allows_plaintext(), tls_facts_.channel_binding,
                    scram_serves_all_, !tls_facts_.identity.empty());
}

Task<> LoginSession::learn_offer() {
  if (!depends_on_users(settings_.auth_mechanisms)) co_return;
  scram_serves_all_ = co_await auth_.scram_serves_all();
}

void LoginSession::stop() {
  if (has_success()) return;
  try {
    connection_.stream().try_write(stop_notice());
    connection_.stream().shut_down();
  } catch (const Disconnected&) {
    // The client has disconnected already.
  }
  connection_.stream().abort();
}

Task<> LoginSession::start_tls(Duration handshake_limit) {
  auto* stream = co_await pennypost::start_tls(connection_, client_.tls, handshake_limit);
  security_.is_encrypted = true;
  tls_facts_ = facts_of(*stream, settings_);
}

void LoginSession::show(std::string_view line) {
  if (!trace_.is_asked()) return;
  trace_.hear({name_ == "pop3" ? "popd" : "imapd", address_, attempted_login_}, line);
}

void LoginSession::show_name(std::string_view name) {
  if (!trace_.is_asked()) return;
  show(name.empty() ? "(an unknown command, not shown)" : std::string(name) + " (not shown)");
}

Task<LoginSession::Outcome> LoginSession::exchange(AuthStep step) {
  step.service = name_;
  step.client_address = address_;
  step.local_address = local_address_;
  step.is_secure = security_.is_secure();
  step.channel_binding = offer().channel_binding;
  step.external_identity = tls_facts_.identity;
  method_ = step.mechanism;
  AuthExchange exchange(connection_.loop(), auth_, connection_.stream(), settings_);
  for (;;) {
    auto asking = exchange.step(step);
    auto answer = co_await std::move(asking);
    if (answer.kind == AuthAnswer::Kind::Temporary) {
      metrics::count(metrics::Metric::logins, "unavailable");
      co_return Outcome::Unavailable;
    }
    if (!answer.login.empty()) attempted_login_ = answer.login;
    if (answer.kind == AuthAnswer::Kind::Failure) {
      metrics::count(metrics::Metric::logins, "failure");
      ++attempts_;
      ++failures_;
      co_return Outcome::Refused;
    }
    bool is_success = answer.kind == AuthAnswer::Kind::Success;
    // A final message that is sent as one more challenge needs an empty response.
    bool has_final_challenge = !answer.challenge.empty() && !tells_success_data();
    if (!is_success || has_final_challenge) {
      auto asking_client = ask_client(answer.challenge, step.response);
      auto outcome = co_await std::move(asking_client);
      if (outcome != Outcome::Success) co_return outcome;
      step.has_response = true;
    }
    if (!is_success) continue;
    if (has_final_challenge && !step.response.empty()) co_return Outcome::UnexpectedData;
    metrics::count(metrics::Metric::logins, "success");
    ++attempts_;
    success_.emplace();
    success_->answer = std::move(answer);
    co_return Outcome::Success;
  }
}

Task<LoginSession::Outcome> LoginSession::ask_client(const std::string& challenge,
                                                     std::string& response) {
  put_challenge(base64_encode(challenge));
  auto reading = read_response(sasl_line_bytes_max);
  auto text = co_await std::move(reading);
  show("(a response, not shown)");
  if (!text) co_return Outcome::NotBase64;
  if (*text == "*") co_return Outcome::Cancelled;
  auto decoded = base64_decode(*text);
  if (!decoded) co_return Outcome::NotBase64;
  response = *std::move(decoded);
  co_return Outcome::Success;
}

void LoginSession::put_challenge(std::string_view base64) {
  connection_.put("+ " + std::string(base64) + "\r\n");
}

Task<std::optional<std::string>> LoginSession::read_response(std::size_t bytes_max) {
  auto line = co_await connection_.line(bytes_max);
  if (line.is_too_long) co_return std::nullopt;
  co_return std::string(line.text);
}

std::optional<LoginSuccess> LoginSession::take_success(std::string state) {
  if (success_) success_->state = std::move(state);
  return std::move(success_);
}

LogLogin LoginSession::log_entry() const {
  LogLogin entry;
  entry.service = name_;
  entry.user = attempted_login_;
  entry.method = method_;
  entry.remote = address_;
  entry.local = local_address_;
  entry.tls = is_encrypted();
  entry.session = client_.session_id;
  return entry;
}

std::string LoginSession::reason_text(std::string_view why) const {
  std::string text(why);
  if (attempts_ == 0) return text + " (no auth attempts)";
  auto lasted = connection_.loop().now() - since_;
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lasted).count();
  return text + " (auth failed, " + std::to_string(attempts_) + " attempts in " +
         std::to_string(seconds) + " secs)";
}

}  // namespace pennypost::store
