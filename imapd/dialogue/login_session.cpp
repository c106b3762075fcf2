#include "imapd/dialogue/login_session.h"

#include <array>

#include "common/base/text.h"
#include "common/sasl/server.h"
#include "common/session/command_table.h"
#include "imapd/command/capability.h"
#include "imapd/response/own_id.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

constexpr std::int64_t bad_commands_max = 10;

Reply privacy_required() {
  // RFC 5530 section 3.
  return Reply::no("PRIVACYREQUIRED",
                   "Plaintext authentication is disallowed without TLS; use STARTTLS.");
}

}  // namespace

struct LoginCommands {
  struct Command {
    std::string_view name;
    std::string_view rfc;
    Task<Reply> (LoginSession::*handler)(const CommandHead&);
  };
  static constexpr std::array commands{
      Command{"AUTHENTICATE", "9051 6.2.2", &LoginSession::authenticate},
      Command{"CAPABILITY", "9051 6.1.1", &LoginSession::capability},
      Command{"ID", "2971 3.1", &LoginSession::id},
      Command{"LOGIN", "9051 6.2.3", &LoginSession::login},
      Command{"LOGOUT", "9051 6.1.3", &LoginSession::logout},
      Command{"NOOP", "9051 6.1.2", &LoginSession::noop},
      Command{"STARTTLS", "9051 6.2.1", &LoginSession::starttls},
  };
  static_assert(is_command_table(commands));
};

LoginSession::LoginSession(Connection& connection, std::shared_ptr<const Config> config,
                           store::LoginClient client, store::AuthPort& auth)
    : store::LoginSession("imap", connection, std::move(config), std::move(client), auth),
      assembler_(login_limits),
      errors_(ErrorLimits{bad_commands_max, bad_commands_max, bad_commands_max, Duration::zero()}) {
}

Task<std::optional<store::LoginSuccess>> LoginSession::serve() {
  connection().set_timeout(settings().imap_login_timeout);
  connection().put("* OK [CAPABILITY " + capabilities() + "] " + settings().login_greeting +
                   "\r\n");
  while (!ended_ && !has_success()) {
    auto event = co_await next_event();
    switch (event) {
      case CommandAssembler::Event::Complete:
        co_await dispatch();
        count_command();
        break;
      case CommandAssembler::Event::Message:
        assembler_.refuse(Error(501, "Log in first"));
        continue;
      case CommandAssembler::Event::Refused:
        refuse_command();
        break;
      case CommandAssembler::Event::Abandon:
        refuse_command();
        connection().put("* BYE Too much input before login.\r\n");
        ended_ = true;
        break;
      case CommandAssembler::Event::NeedBytes:
      case CommandAssembler::Event::Continue:
        break;
    }
    assembler_.reset();
  }
  co_await connection().flush();
  co_return take_success(std::move(tag_));
}

// Before login no size is right: BAD in any case, never a NO that a smaller one would get past.
void LoginSession::refuse_command() {
  answer(Reply::bad(assembler_.error().text()), assembler_.tag());
}

void LoginSession::count_command() {
  if (ended_ || has_success() || ++commands_ < commands_before_login_max) return;
  connection().put("* BYE Too many commands before login.\r\n");
  ended_ = true;
}

Task<CommandAssembler::Event> LoginSession::next_event() {
  for (;;) {
    auto input = connection().buffered();
    auto rest = input;
    auto event = assembler_.take(rest);
    connection().consume(input.size() - rest.size());
    if (event == CommandAssembler::Event::Continue) {
      connection().put("+ OK\r\n");
    } else if (event != CommandAssembler::Event::NeedBytes) {
      co_return event;
    } else if (!connection().has_input()) {
      co_await connection().fill();
    }
  }
}

Task<> LoginSession::dispatch() {
  auto head = parse_head(assembler_.text());
  if (!head) {
    answer(Reply(head.error()), tag_of(assembler_.text()));
    co_return;
  }
  const auto* row = find_command(LoginCommands::commands, head->name);
  if (row == nullptr) {
    answer(Reply::bad("Unknown command, or log in first: " + printable(head->name, 40)), head->tag);
    co_return;
  }
  auto work = (this->*row->handler)(*head);
  auto reply = co_await std::move(work);
  if (has_success()) {
    // The worker answers.
    tag_ = head->tag;
    co_return;
  }
  answer(reply, head->tag);
}

void LoginSession::answer(const Reply& reply, std::string_view tag) {
  // Around STARTTLS the answer has gone out before the handshake.
  if (!reply.text().empty()) connection().put(reply.line(tag));
  if (reply.status() != Reply::Status::Bad) return;
  errors_.note_error();
  if (!errors_.is_over()) return;
  connection().put("* BYE Too many invalid IMAP commands.\r\n");
  ended_ = true;
}

std::string LoginSession::capabilities() const {
  std::string own(base_capabilities);
  own += " ID ENABLE IDLE";
  // How to log in is told in any case.
  std::string out = with_setting(std::move(own), settings().imap_capability);
  if (can_start_tls()) out += " STARTTLS";
  if (!allows_plaintext()) out += " LOGINDISABLED";
  for (const auto& name : offer().mechanisms) out += " AUTH=" + name;
  return out;
}

Task<Reply> LoginSession::capability(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  connection().put("* CAPABILITY " + capabilities() + "\r\n");
  co_return Reply::ok("Pre-login capabilities listed, post-login capabilities have more.");
}

Task<Reply> LoginSession::noop(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  co_return Reply::ok("NOOP completed.");
}

Task<Reply> LoginSession::id(const CommandHead& command) {
  CO_TRY_DO(parse_id(command.arguments, login_limits));
  connection().put(id_line(own_id(settings().imap_id_send)));
  co_return Reply::ok("ID completed.");
}

Task<Reply> LoginSession::logout(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  connection().put("* BYE Logging out\r\n");
  ended_ = true;
  co_return Reply::ok("Logout completed.");
}

Task<Reply> LoginSession::starttls(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  if (is_encrypted()) co_return Reply::bad("TLS is already active.");
  if (!can_start_tls()) co_return Reply::bad("TLS is not available.");
  auto yes = Reply::ok("Begin TLS negotiation now.");
  connection().put(yes.line(command.tag));
  co_await start_tls(settings().imap_login_timeout);
  co_return Reply::ok("");
}

Task<Reply> LoginSession::login(const CommandHead& command) {
  CO_TRY(auto request, parse_login(command.arguments, login_limits));
  if (!allows_plaintext()) co_return privacy_required();
  auto step = store::plain_step(request.user, std::string(request.password.reveal()));
  auto work = log_in(std::move(step));
  co_return co_await std::move(work);
}

Task<Reply> LoginSession::authenticate(const CommandHead& command) {
  CO_TRY(auto request, parse_authenticate(command.arguments, login_limits));
  if (!offer().holds(request.mechanism)) {
    if (ServerExchange::is_plaintext(request.mechanism) && !allows_plaintext())
      co_return privacy_required();
    co_return Reply::no(ResponseCode::Cannot, "Unsupported authentication mechanism.");
  }
  store::AuthStep step;
  step.mechanism = request.mechanism;
  if (request.initial_response) {
    step.has_response = true;
    step.response = request.initial_response->reveal();
  }
  auto work = log_in(std::move(step));
  co_return co_await std::move(work);
}

Task<Reply> LoginSession::log_in(store::AuthStep step) {
  auto work = exchange(std::move(step));
  auto outcome = co_await std::move(work);
  switch (outcome) {
    case Outcome::Success:
      break;
    case Outcome::Refused:
      ended_ = is_exhausted();
      if (ended_) connection().put("* BYE Too many failed logins.\r\n");
      co_return Reply::no("AUTHENTICATIONFAILED", "Authentication failed.");
    case Outcome::Unavailable:
      co_return Reply::no(ResponseCode::Unavailable,
                          "Authentication is not possible now; try again later.");
    case Outcome::Cancelled:
      co_return Reply::bad("Authentication aborted by client.");
    case Outcome::NotBase64:
      co_return Reply::bad("Invalid base64 in the response.");
    case Outcome::UnexpectedData:
      co_return Reply::bad("Expected an empty response.");
  }
  co_return Reply::ok("");
}

std::string LoginSession::refusal(const store::LoginSuccess& success, bool is_limit) const {
  auto reply = mail_unavailable();
  if (is_limit)
    reply = Reply::no(ResponseCode::Limit, "Maximum number of connections from user+IP exceeded.");
  return reply.line(success.state);
}

std::string_view LoginSession::farewell() const { return "* BYE Disconnected for inactivity.\r\n"; }
std::string_view LoginSession::stop_notice() const { return "* BYE Server shutting down.\r\n"; }

}  // namespace pennypost::imap
