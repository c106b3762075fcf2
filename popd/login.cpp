#include "popd/login.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/sasl/server.h"
#include "common/session/command_table.h"
#include "common/session/starttls.h"

namespace pennypost::pop {
namespace {

constexpr std::size_t sasl_line_bytes_max = ServerExchange::response_bytes_max * 4 / 3 + 4;

}  // namespace

struct LoginCommands {
  struct Command {
    std::string_view name;
    std::string_view rfc;
    Task<> (LoginSession::*handler)(std::string_view);
  };
  static constexpr std::array commands{
      Command{"AUTH", "5034 4", &LoginSession::auth},
      Command{"CAPA", "2449 5", &LoginSession::capa},
      Command{"PASS", "1939 7", &LoginSession::pass},
      Command{"QUIT", "1939 4", &LoginSession::quit},
      Command{"STLS", "2595 4", &LoginSession::stls},
      Command{"USER", "1939 7", &LoginSession::user},
  };
  static_assert(is_command_table(commands));
};

LoginSession::LoginSession(Connection& connection, std::shared_ptr<const Config> config,
                           LoginClient client, store::AuthPort& auth)
    : connection_(connection),
      config_(std::move(config)),
      settings_(config_->at(client.service)),
      client_(std::move(client)),
      auth_(auth),
      throttle_(settings_.auth_failure_delay, settings_.auth_failure_delay_max,
                settings_.login_tries_max) {
  security_.is_same_host = is_same_host(client_.address, client_.local);
  auto* tls = dynamic_cast<TlsStream*>(&connection_.stream());
  security_.is_encrypted = tls != nullptr;
  if (tls != nullptr) channel_binding_ = tls->channel_binding();
}

void LoginSession::ok(std::string_view text) {
  connection_.put("+OK ");
  connection_.put(text);
  connection_.put("\r\n");
}

void LoginSession::err(std::string_view text) {
  connection_.put("-ERR ");
  connection_.put(text);
  connection_.put("\r\n");
}

bool LoginSession::allows_plaintext() const {
  if (settings_.ssl == "required" && !security_.is_encrypted) return false;
  return security_.allows_plaintext(settings_.disable_plaintext_auth);
}

std::vector<std::string> LoginSession::mechanisms() const {
  std::vector<std::string> names;
  if (settings_.ssl == "required" && !security_.is_encrypted) return names;
  for (const auto& name : ServerExchange::mechanisms()) {
    bool is_plus = name.ends_with("-PLUS");
    bool is_wanted = std::ranges::any_of(
        settings_.auth_mechanisms, [&](const auto& wanted) { return equal_nocase(wanted, name); });
    if (!is_wanted || (is_plus && channel_binding_.empty())) continue;
    if (ServerExchange::is_plaintext(name) && !allows_plaintext()) continue;
    names.push_back(name);
  }
  return names;
}

Offer LoginSession::offer() const {
  Offer offer;
  offer.starttls = client_.tls != nullptr && !security_.is_encrypted;
  offer.user = allows_plaintext();
  offer.sasl_mechanisms = mechanisms();
  return offer;
}

Task<std::optional<store::AuthAnswer>> LoginSession::serve() {
  connection_.set_timeout(settings_.pop3_login_timeout);
  ok(settings_.login_greeting);
  while (!quitting_ && !success_) {
    auto line =
        co_await connection_.line(static_cast<std::size_t>(settings_.pop3_line_length_limit));
    if (line.is_too_long) {
      err("Line too long.");
      ++bad_commands_;
    } else {
      std::string text(line.text);
      auto blank = text.find(' ');
      const auto* command = find_command(LoginCommands::commands, text.substr(0, blank));
      if (command == nullptr) {
        ++bad_commands_;
        err("Unknown command, or log in first.");
      } else {
        // A password may begin or end with blanks: PASS takes the rest of the line as it is.
        std::string args = blank == std::string::npos ? "" : text.substr(blank + 1);
        auto work = (this->*command->handler)(args);
        co_await std::move(work);
      }
    }
    if (bad_commands_ >= settings_.pop3_bad_commands_max) {
      err("Too many bad commands.");
      quitting_ = true;
    }
  }
  co_await connection_.flush();
  co_return std::move(success_);
}

Task<> LoginSession::capa(std::string_view) {
  connection_.put(capabilities(offer()));
  co_return;
}

Task<> LoginSession::quit(std::string_view) {
  ok("Logging out.");
  quitting_ = true;
  co_return;
}

Task<> LoginSession::stls(std::string_view) {
  if (!offer().starttls) {
    err(security_.is_encrypted ? "TLS is already active." : "TLS is not available.");
    co_return;
  }
  ok("Begin TLS negotiation now.");
  auto* stream = co_await start_tls(connection_, client_.tls, settings_.pop3_login_timeout);
  security_.is_encrypted = true;
  channel_binding_ = stream->channel_binding();
  user_.clear();
}

Task<> LoginSession::user(std::string_view args) {
  auto name = trim(args);
  if (!allows_plaintext()) {
    err("[AUTH] Plaintext authentication is disallowed on connections without TLS; use STLS.");
  } else if (name.empty()) {
    ++bad_commands_;
    err("USER needs a name.");
  } else {
    user_ = name;
    ok("");
  }
  co_return;
}

Task<> LoginSession::pass(std::string_view args) {
  if (!allows_plaintext()) {
    err("[AUTH] Plaintext authentication is disallowed on connections without TLS; use STLS.");
    co_return;
  }
  if (user_.empty()) {
    ++bad_commands_;
    err("No username given.");
    co_return;
  }
  auto step = store::plain_step(user_, std::string(args));
  auto work = exchange(std::move(step));
  co_await std::move(work);
}

Task<> LoginSession::auth(std::string_view args) {
  auto parts = words(args, " \t");
  auto known = mechanisms();
  if (parts.empty()) {
    // RFC 5034 section 4 allows the list for old clients.
    connection_.put("+OK\r\n");
    for (const auto& name : known) connection_.put(name + "\r\n");
    connection_.put(".\r\n");
    co_return;
  }
  bool is_known =
      std::ranges::any_of(known, [&](const auto& name) { return equal_nocase(name, parts[0]); });
  if (!is_known) {
    ++bad_commands_;
    err(ServerExchange::is_plaintext(parts[0]) && !allows_plaintext()
            ? "[AUTH] Plaintext authentication is disallowed on connections without TLS; use STLS."
            : "[AUTH] Unsupported authentication mechanism.");
    co_return;
  }
  store::AuthStep step;
  step.mechanism = upper(parts[0]);
  if (parts.size() > 1) {
    auto initial = parts[1] == "=" ? std::optional<std::string>("") : base64_decode(parts[1]);
    if (!initial || parts.size() > 2) {
      ++bad_commands_;
      err("Invalid base64 in the initial response.");
      co_return;
    }
    step.has_response = true;
    step.response = *std::move(initial);
  }
  auto work = exchange(std::move(step));
  co_await std::move(work);
}

Task<> LoginSession::exchange(store::AuthStep step) {
  step.exchange = auth_.next_exchange();
  step.service = "pop3";
  step.client_address = client_.address.text();
  step.local_address = client_.local.text();
  step.is_secure = security_.is_secure();
  step.channel_binding = channel_binding_;
  method_ = step.mechanism;
  for (;;) {
    auto number = step.exchange;
    auto ask = auth_.step(step);
    auto answer = co_await std::move(ask);
    step.response.clear();
    if (!answer || answer->kind == store::AuthAnswer::Kind::Temporary) {
      err("[SYS/TEMP] Authentication is not possible now; try again later.");
      co_return;
    }
    if (answer->kind == store::AuthAnswer::Kind::Success) {
      ++attempts_;
      attempted_login_ = answer->login;
      if (!answer->challenge.empty()) {
        // The mechanism's last words want an empty answer before +OK (RFC 5034 section 4).
        connection_.put("+ " + base64_encode(answer->challenge) + "\r\n");
        auto last = co_await connection_.line(sasl_line_bytes_max);
        if (!last.text.empty()) {
          auto work = failed("[AUTH] Authentication aborted.");
          co_await std::move(work);
          co_return;
        }
      }
      success_ = *std::move(answer);
      co_return;
    }
    if (answer->kind == store::AuthAnswer::Kind::Failure) {
      attempted_login_ = answer->login;
      auto work = failed("[AUTH] Authentication failed.");
      co_await std::move(work);
      co_return;
    }
    connection_.put("+ " + base64_encode(answer->challenge) + "\r\n");
    auto line = co_await connection_.line(sasl_line_bytes_max);
    auto response = base64_decode(line.text);
    bool is_cancelled = line.text == "*";
    if (line.is_too_long || is_cancelled || !response) {
      auth_.abort(number);
      err(is_cancelled ? "[AUTH] Authentication aborted by client."
                       : "[AUTH] Invalid base64 in the response.");
      co_return;
    }
    step.has_response = true;
    step.response = *std::move(response);
  }
}

Task<> LoginSession::failed(std::string text) {
  ++attempts_;
  auto delay = throttle_.failed();
  co_await connection_.loop().sleep(delay);
  err(text);
  if (throttle_.is_exhausted()) quitting_ = true;
}

}  // namespace pennypost::pop
