// SmtpClient's login: which mechanisms are tried, in which order, and the exchange of each.
//
// STANDARDS  RFC 4954 (AUTH), RFC 5802 (SCRAM)

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/sasl/client.h"
#include "smtpd/delivery/smtp_client.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t auth_line_bytes_max = 12288;  // RFC 4954 section 4
constexpr const char* while_auth = "performing SASL authentication";

}  // namespace

Login Login::parse(std::string_view text) {
  Login login;
  auto colon = text.find(':');
  login.name = trim(text.substr(0, colon));
  if (colon != text.npos) login.password = Secret(std::string(text.substr(colon + 1)));
  return login;
}

/// The mechanisms that the server offers and the settings allow, the best first.
std::vector<std::string> SmtpClient::login_mechanisms() {
  auto allowed = config_->smtp_sasl_mechanism_filter;
  const auto& options =
      is_secure() ? config_->smtp_sasl_tls_security_options : config_->smtp_sasl_security_options;
  if (holds(options, "noplaintext")) {
    std::erase_if(allowed, [](const auto& name) {
      return equal_nocase(name, "plain") || equal_nocase(name, "login");
    });
    if (allowed.empty()) allowed = {"SCRAM-SHA-256"};
  }
  return ClientExchange::choices(features_.auth_mechanisms, allowed);
}

/// RFC 4954 section 4. A refused login is never the message's fault, so the mail waits.
///
/// A server may offer a mechanism that can't work for this user, such as SCRAM when it has only a
/// hash of the password. So after a permanent refusal the next mechanism is tried. It is not tried
/// after a temporary refusal; and a server that broke the protocol or could not prove that it knows
/// the password never gets it.
Task<Result<void>> SmtpClient::log_in() {
  stage_ = while_auth;
  auto mechanisms = login_mechanisms();
  if (mechanisms.empty()) {
    co_return Error::temporary(
        "4.7.0", "host " + target_.name() +
                     " offers no SASL mechanism that smtp_sasl_mechanism_filter and " +
                     (is_secure() ? "smtp_sasl_tls_security_options allow"
                                  : "smtp_sasl_security_options allow without TLS"));
  }
  std::string stage = while_auth;
  for (const auto& mechanism : mechanisms) {
    auto trying = log_in_by(mechanism, stage);
    CO_TRY(auto answer, co_await std::move(trying));
    if (answer.is_positive()) co_return Result<void>();
    bool is_last = &mechanism == &mechanisms.back();
    if (is_last || !answer.is_permanent()) {
      co_return Error::temporary("4.7.8", "SASL authentication failed; server " + target_.name() +
                                              " said: " + answer.text());
    }
    stage = std::string(while_auth) + " (" + mechanism + " was refused: " + answer.text() + ")";
  }
  co_return Result<void>();
}

/// The server's final reply: 2xx only after its proof, if the mechanism has one. Error: it broke
/// the protocol, and the session can't be used.
Task<Result<SmtpReply>> SmtpClient::log_in_by(std::string mechanism, std::string stage) {
  auto exchange = ClientExchange::make(mechanism, login_.name, login_.password, {});
  ASSERT(exchange != nullptr);
  std::string line = "AUTH " + mechanism;
  auto initial = exchange->initial();
  std::optional<std::string> held;
  if (initial) {
    std::string encoded = initial->empty() ? "=" : base64_encode(*initial);
    // RFC 4954 section 4: a response too long for the line waits for the server's empty challenge.
    if (line.size() + encoded.size() + 3 <= 512) {
      line += " " + encoded;
    } else {
      held = encoded;
    }
  }
  std::string last_words;
  std::string shown = "AUTH " + mechanism + " (response not shown)";
  for (std::uint64_t steps = 0;; ++steps) {
    CO_TRY(auto answer, co_await ask(line, config_->smtp_mail_timeout, stage, shown));
    shown = "(response not shown)";
    if (answer.is_positive() && !exchange->verify(last_words)) {
      is_broken_ = true;
      co_return Error::temporary(
          "4.7.8", "host " + target_.name() + " did not prove that it knows our password");
    }
    if (answer.code != 334) co_return std::move(answer);
    if (steps == config_->smtp_sasl_steps_max) {
      is_broken_ = true;
      co_return Error::temporary(
          "4.7.0",
          "host " + target_.name() +
              " asks for more responses than smtp_sasl_steps_max = " + std::to_string(steps));
    }
    std::string_view text = answer.lines.empty() ? std::string_view() : answer.lines[0];
    auto challenge = base64_decode(trim(text));
    if (!challenge || text.size() > auth_line_bytes_max) {
      is_broken_ = true;
      co_return Error::temporary("4.7.0", "host " + target_.name() + " sent a malformed challenge");
    }
    if (held) {
      line = *std::exchange(held, std::nullopt);
      continue;
    }
    // RFC 5802 section 5: SCRAM's last challenge is the server's proof or an error; the response is
    // an empty line.
    if (challenge->starts_with("v=") || challenge->starts_with("e=")) {
      last_words = *challenge;
      line.clear();
      continue;
    }
    auto response = exchange->respond(*challenge);
    if (!response) {
      is_broken_ = true;
      co_return Error::temporary("4.7.8", "SASL authentication with " + target_.name() +
                                              " failed: " + response.error().text());
    }
    line = base64_encode(*response);
  }
}

}  // namespace pennypost::smtp
