#include "imapd/managesieve/login_session.h"

#include <array>

#include "common/base/text.h"
#include "common/sasl/server.h"
#include "common/session/command_table.h"
#include "common/session/error_limits.h"
#include "store/filtering/scripts_of.h"

namespace pennypost::imap::managesieve {
namespace {

// Before login no string is longer than a response of SASL.
constexpr std::uint64_t string_bytes_max = ServerExchange::response_bytes_max * 4 / 3 + 4;
constexpr std::size_t login_line_bytes_max = 2 * string_bytes_max;
constexpr std::string_view stopping_line = "BYE (TRYLATER) \"Server shutting down.\"\r\n";
constexpr std::string_view inactivity_line = "BYE \"Disconnected for inactivity.\"\r\n";

}  // namespace

struct LoginCommands {
  struct Row {
    std::string_view name;
    std::string_view shape;  // of argument_problem()
    std::string_view rfc;
    Task<> (LoginSession::*handler)(const Command&);
  };
  static constexpr std::array rows{
      Row{"AUTHENTICATE", "s?s", "5804 2.1", &LoginSession::authenticate},
      Row{"CAPABILITY", "", "5804 2.4", &LoginSession::capability},
      Row{"LOGOUT", "", "5804 2.3", &LoginSession::logout},
      Row{"NOOP", "?s", "5804 2.13", &LoginSession::noop},
      Row{"STARTTLS", "", "5804 2.2", &LoginSession::starttls},
  };
  static_assert(is_command_table(rows));
};

LoginSession::LoginSession(Connection& connection, std::shared_ptr<const Config> config,
                           store::LoginClient client, store::AuthPort& auth)
    : store::LoginSession("managesieve", connection, config, std::move(client), auth),
      dialogue_(connection, {login_line_bytes_max, string_bytes_max}),
      redirects_max_(config->sieve_max_redirects),
      extensions_(store::offered_extensions(*config, store::ScriptUse::Upload)) {}

Task<std::optional<store::LoginSuccess>> LoginSession::serve() {
  connection().set_timeout(settings().imap_login_timeout);
  show("");
  // Who was logged in before has had the answer to UNAUTHENTICATE.
  if (!client().past) {
    put_capabilities();
    dialogue_.answer(Reply::ok(settings().login_greeting));
  }
  for (std::uint64_t commands = 0; !dialogue_.is_ended() && !has_success(); ++commands) {
    if (commands == commands_before_login_max) {
      dialogue_.abandon("Too many commands before login.", "Too many errors");
      break;
    }
    auto event = co_await dialogue_.next();
    if (event == Dialogue::Event::Complete) {
      co_await dispatch();
    } else if (event == Dialogue::Event::Refused) {
      dialogue_.answer_mistake(dialogue_.error().text());
    } else {
      dialogue_.abandon("Too much input before login.", "Too much input");
    }
  }
  co_await connection().flush();
  co_return take_success(base64_encode(success_data()));
}

Task<> LoginSession::dispatch() {
  const Command command = dialogue_.command();
  const auto* row = find_command(LoginCommands::rows, command.name);
  if (row == nullptr) {
    show_name("");
    dialogue_.answer_mistake("Unknown command, or log in first: " + command.name);
    co_return;
  }
  bool is_secret = row->name == "AUTHENTICATE";
  is_secret ? show_name(row->name) : show(shown(command));
  auto problem = argument_problem(command, row->shape);
  if (!problem.empty()) {
    dialogue_.answer_mistake(problem);
    co_return;
  }
  auto work = (this->*row->handler)(command);
  co_await std::move(work);
}

void LoginSession::put_capabilities() {
  Capabilities now;
  now.implementation = settings().managesieve_implementation_string;
  now.mechanisms = offer().mechanisms;
  now.redirects_max = redirects_max_;
  now.has_starttls = can_start_tls();
  now.extensions = extensions_;
  dialogue_.put(lines_of(now));
}

Task<> LoginSession::capability(const Command&) {
  put_capabilities();
  dialogue_.answer(Reply::ok("Capability completed."));
  co_return;
}

Task<> LoginSession::noop(const Command& command) {
  std::string tag;
  if (!command.arguments.empty()) tag = "TAG " + string_of(command.arguments[0].text);
  dialogue_.answer(Reply::ok("Done.", tag));
  co_return;
}

Task<> LoginSession::logout(const Command&) {
  dialogue_.answer(Reply::ok("Logging out."));
  dialogue_.end("Logged out");
  co_return;
}

/// RFC 5804 section 2.2: the capabilities are told again behind the handshake.
Task<> LoginSession::starttls(const Command&) {
  if (!can_start_tls()) {
    dialogue_.answer_mistake(is_encrypted() ? "TLS is already active." : "TLS is not available.");
    co_return;
  }
  dialogue_.answer(Reply::ok("Begin TLS negotiation now."));
  co_await start_tls(settings().imap_login_timeout);
  put_capabilities();
  dialogue_.answer(Reply::ok("TLS negotiation successful."));
}

Task<> LoginSession::authenticate(const Command& command) {
  const auto& arguments = command.arguments;
  if (!offer().holds(arguments[0].text)) {
    bool needs_tls = ServerExchange::is_plaintext(arguments[0].text) && !allows_plaintext();
    if (needs_tls) {
      // RFC 5804 section 1.3
      dialogue_.answer(
          Reply::no("Passwords are not taken without TLS; use STARTTLS.", "ENCRYPT-NEEDED"));
    } else {
      dialogue_.answer_mistake("There is no such SASL mechanism here.");
    }
    co_return;
  }
  store::AuthStep step;
  step.mechanism = upper(arguments[0].text);
  if (arguments.size() > 1) {
    auto initial = base64_decode(arguments[1].text);
    if (!initial) {
      dialogue_.answer_mistake("The initial response is no base64.");
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
      dialogue_.answer(Reply::no("Authentication failed."));
      if (is_exhausted()) dialogue_.abandon("Too many failed logins.", "Auth failed");
      break;
    case Outcome::Unavailable:
      dialogue_.answer(
          Reply::no("Authentication is not possible now; try again later.", "TRYLATER"));
      break;
    case Outcome::Cancelled:
      dialogue_.answer_mistake("Authentication aborted by client.");
      break;
    case Outcome::NotBase64:
      dialogue_.answer_mistake("The response is no string of base64.");
      break;
    case Outcome::UnexpectedData:
      dialogue_.answer_mistake("Expected an empty response.");
      break;
  }
}

void LoginSession::put_challenge(std::string_view base64) {
  dialogue_.put(string_of(base64) + "\r\n");
}

/// RFC 5804 section 2.1: a response is a string, and "*" cancels the exchange.
Task<std::optional<std::string>> LoginSession::read_response(std::size_t bytes_max) {
  auto event = co_await dialogue_.next(true);
  if (event == Dialogue::Event::Abandon) {
    dialogue_.abandon("Too much input before login.", "Too much input");
  }
  const auto& given = dialogue_.command().arguments;
  bool is_string =
      event == Dialogue::Event::Complete && given.size() == 1 && !given.front().is_number;
  if (!is_string || given.front().text.size() > bytes_max) co_return std::nullopt;
  co_return given.front().text;
}

std::string LoginSession::refusal(const store::LoginSuccess&, bool is_limit) const {
  const char* why = is_limit ? "Too many sessions of this user from your address."
                             : "Your scripts can't be served now.";
  return Reply::no(why, "TRYLATER").line();
}

std::string_view LoginSession::farewell() const { return inactivity_line; }
std::string_view LoginSession::stop_notice() const { return stopping_line; }

}  // namespace pennypost::imap::managesieve
