#include "popd/login.h"

#include <array>

#include "common/base/text.h"
#include "common/sasl/server.h"
#include "common/session/command_table.h"
#include "common/session/error_limits.h"
#include "popd/language.h"

namespace pennypost::pop {
namespace {

constexpr std::string_view plaintext_refused =
    "[AUTH] Plaintext authentication is disallowed on connections without TLS; use STLS.";

}  // namespace

struct LoginCommands {
  struct Command {
    std::string_view name;
    bool is_secret;  // its arguments are not for those who watch
    std::string_view rfc;
    Task<> (LoginSession::*handler)(std::string_view);
  };
  static constexpr std::array commands{
      Command{"AUTH", true, "5034 4", &LoginSession::auth},
      Command{"CAPA", false, "2449 5", &LoginSession::capa},
      Command{"LANG", false, "6856 3", &LoginSession::lang},
      Command{"PASS", true, "1939 7", &LoginSession::pass},
      Command{"QUIT", false, "1939 4", &LoginSession::quit},
      Command{"STLS", false, "2595 4", &LoginSession::stls},
      Command{"USER", false, "1939 7", &LoginSession::user},
      Command{"UTF8", false, "6856 2.1", &LoginSession::utf8},
  };
  static_assert(is_command_table(commands));
};

LoginSession::LoginSession(Connection& connection, std::shared_ptr<const Config> config,
                           store::LoginClient client, store::AuthPort& auth)
    : store::LoginSession("pop3", connection, std::move(config), std::move(client), auth),
      replies_(connection, settings().pop3_bad_commands_max) {}

Task<std::optional<store::LoginSuccess>> LoginSession::serve() {
  connection().set_timeout(settings().pop3_login_timeout);
  show("");
  replies_.ok(settings().login_greeting);
  auto line_bytes_max = settings().pop3_line_length_limit;
  for (std::int64_t commands = 0; !quitting_ && !has_success(); ++commands) {
    if (commands == commands_before_login_max) {
      replies_.err("Too many commands before login.");
      break;
    }
    auto line = co_await connection().line(line_bytes_max);
    if (line.is_too_long) {
      show_name("");
      replies_.mistake("Line too long.");
    } else {
      std::string text(line.text);
      auto blank = text.find(' ');
      const auto* command = find_command(LoginCommands::commands, text.substr(0, blank));
      bool is_secret = command == nullptr || command->is_secret;
      is_secret ? show_name(command == nullptr ? "" : command->name) : show(text);
      if (command == nullptr) {
        replies_.mistake("Unknown command, or log in first.");
      } else {
        // A password may begin or end with blanks: PASS takes the rest of the line as it is.
        std::string args = blank == std::string::npos ? "" : text.substr(blank + 1);
        auto work = (this->*command->handler)(args);
        co_await std::move(work);
      }
    }
    if (replies_.are_too_many_mistakes()) {
      replies_.err("Too many bad commands.");
      quitting_ = true;
    }
  }
  co_await connection().flush();
  co_return take_success(has_utf8_ ? std::string(utf8_state) : "");
}

Task<> LoginSession::capa(std::string_view) {
  Offer now;
  now.starttls = can_start_tls();
  now.user = allows_plaintext();
  now.sasl_mechanisms = offer().mechanisms;
  connection().put(capabilities(now, settings()));
  co_return;
}

Task<> LoginSession::lang(std::string_view args) {
  answer_lang(trim(args), connection(), replies_);
  co_return;
}

Task<> LoginSession::utf8(std::string_view args) {
  if (!trim(args).empty()) {
    replies_.mistake("UTF8 has no arguments.");
    co_return;
  }
  has_utf8_ = true;
  replies_.ok("Headers come in UTF-8.");
}

Task<> LoginSession::quit(std::string_view) {
  replies_.ok("Logging out.");
  quitting_ = true;
  co_return;
}

Task<> LoginSession::stls(std::string_view) {
  if (!can_start_tls()) {
    replies_.err(is_encrypted() ? "TLS is already active." : "TLS is not available.");
    co_return;
  }
  if (has_utf8_) {
    // RFC 6856 section 2.1: a client must not do this.
    replies_.mistake("STLS may not follow UTF8.");
    co_return;
  }
  replies_.ok("Begin TLS negotiation now.");
  co_await start_tls(settings().pop3_login_timeout);
  // RFC 2595 section 4: what the client said in the clear is forgotten.
  user_.clear();
}

Task<> LoginSession::user(std::string_view args) {
  auto name = trim(args);
  if (!allows_plaintext()) {
    replies_.err(plaintext_refused);
  } else if (name.empty()) {
    replies_.mistake("USER needs a name.");
  } else {
    user_ = name;
    replies_.ok("");
  }
  co_return;
}

Task<> LoginSession::pass(std::string_view args) {
  if (!allows_plaintext()) {
    replies_.err(plaintext_refused);
    co_return;
  }
  if (user_.empty()) {
    replies_.mistake("No username given.");
    co_return;
  }
  auto step = store::plain_step(user_, std::string(args));
  auto work = log_in(std::move(step));
  co_await std::move(work);
}

Task<> LoginSession::auth(std::string_view args) {
  auto parts = words(args, " \t");
  auto known = offer();
  if (parts.empty()) {
    // RFC 5034 section 4 allows the list for old clients.
    connection().put("+OK\r\n");
    for (const auto& name : known.mechanisms) connection().put(name + "\r\n");
    connection().put(".\r\n");
    co_return;
  }
  if (!known.holds(parts[0])) {
    replies_.mistake(ServerExchange::is_plaintext(parts[0]) && !allows_plaintext()
                         ? plaintext_refused
                         : "[AUTH] Unsupported authentication mechanism.");
    co_return;
  }
  store::AuthStep step;
  step.mechanism = upper(parts[0]);
  if (parts.size() > 1) {
    auto initial = parts[1] == "=" ? std::optional<std::string>("") : base64_decode(parts[1]);
    if (!initial || parts.size() > 2) {
      replies_.mistake("Invalid base64 in the initial response.");
      co_return;
    }
    step.has_response = true;
    step.response = *std::move(initial);
  }
  auto work = log_in(std::move(step));
  co_await std::move(work);
}

Task<> LoginSession::log_in(store::AuthStep step) {
  auto work = exchange(std::move(step));
  auto outcome = co_await std::move(work);
  switch (outcome) {
    case Outcome::Success:
      break;
    case Outcome::Refused:
      replies_.err("[AUTH] Authentication failed.");
      if (is_exhausted()) quitting_ = true;
      break;
    case Outcome::Unavailable:
      replies_.err("[SYS/TEMP] Authentication is not possible now; try again later.");
      break;
    case Outcome::Cancelled:
      replies_.mistake("[AUTH] Authentication aborted by client.");
      break;
    case Outcome::NotBase64:
      replies_.mistake("[AUTH] Invalid base64 in the response.");
      break;
    case Outcome::UnexpectedData:
      replies_.mistake("[AUTH] Expected an empty response.");
      break;
  }
}

std::string_view LoginSession::stop_notice() const { return stop_line; }

std::string LoginSession::refusal(const store::LoginSuccess&, bool is_limit) const {
  if (is_limit) return "-ERR [IN-USE] Too many connections from your address.\r\n";
  return std::string(unavailable_line);
}

}  // namespace pennypost::pop
