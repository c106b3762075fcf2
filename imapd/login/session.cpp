#include "imapd/login/session.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/sasl/server.h"
#include "common/session/command_table.h"
#include "common/session/starttls.h"
#include "imapd/command/capability.h"
#include "imapd/response/own_id.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t sasl_line_bytes_max = ServerExchange::response_bytes_max * 4 / 3 + 4;
constexpr std::int64_t bad_commands_max = 10;

Reply privacy_required() {
  // RFC 5530 section 3.
  return Reply::no(
      "[PRIVACYREQUIRED] Plaintext authentication is disallowed without TLS; use STARTTLS.");
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
                           LoginClient client, store::AuthPort& auth)
    : connection_(connection),
      config_(std::move(config)),
      settings_(config_->at(client.service)),
      client_(std::move(client)),
      auth_(auth),
      assembler_(login_limits),
      throttle_(settings_.auth_failure_delay, settings_.auth_failure_delay_max,
                settings_.login_tries_max),
      errors_(ErrorLimits{bad_commands_max, bad_commands_max, bad_commands_max, Duration::zero()}) {
  security_.is_same_host = is_same_host(client_.address, client_.local);
  auto* tls = dynamic_cast<TlsStream*>(&connection_.stream());
  security_.is_encrypted = tls != nullptr;
  if (tls != nullptr) channel_binding_ = tls->channel_binding();
}

Task<std::optional<LoginSuccess>> LoginSession::serve() {
  connection_.set_timeout(settings_.imap_login_timeout);
  connection_.set_deadline(connection_.loop().now() + settings_.imap_login_timeout);
  connection_.put("* OK [CAPABILITY " + capabilities() + "] " + settings_.login_greeting + "\r\n");
  while (!ended_ && !success_) {
    auto event = co_await next_event();
    switch (event) {
      case CommandAssembler::Event::Complete:
        co_await dispatch();
        break;
      case CommandAssembler::Event::Message:
        assembler_.refuse(Error(501, "Log in first"));
        continue;
      case CommandAssembler::Event::Refused:
        answer(Reply(assembler_.error()), assembler_.tag());
        break;
      case CommandAssembler::Event::Abandon:
        connection_.put("* BYE Too much input before login.\r\n");
        ended_ = true;
        break;
      case CommandAssembler::Event::NeedBytes:
      case CommandAssembler::Event::Continue:
        break;
    }
    assembler_.reset();
  }
  co_await connection_.flush();
  co_return std::move(success_);
}

Task<CommandAssembler::Event> LoginSession::next_event() {
  for (;;) {
    auto input = connection_.buffered();
    auto rest = input;
    auto event = assembler_.take(rest);
    connection_.consume(input.size() - rest.size());
    if (event == CommandAssembler::Event::Continue) {
      connection_.put("+ OK\r\n");
    } else if (event != CommandAssembler::Event::NeedBytes) {
      co_return event;
    } else if (!connection_.has_input()) {
      co_await connection_.fill();
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
  if (success_) {
    // The worker answers.
    success_->tag = head->tag;
    co_return;
  }
  answer(reply, head->tag);
}

void LoginSession::answer(const Reply& reply, std::string_view tag) {
  // Around STARTTLS the answer has gone out before the handshake.
  if (!reply.text().empty()) connection_.put(reply.line(tag));
  if (reply.status() != Reply::Status::Bad) return;
  errors_.note_error();
  if (!errors_.is_over()) return;
  connection_.put("* BYE Too many invalid IMAP commands.\r\n");
  ended_ = true;
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

std::string LoginSession::capabilities() const {
  std::string out(base_capabilities);
  out += " ID ENABLE IDLE";
  if (client_.tls != nullptr && !security_.is_encrypted) out += " STARTTLS";
  if (!allows_plaintext()) out += " LOGINDISABLED";
  for (const auto& name : mechanisms()) out += " AUTH=" + name;
  return out;
}

Task<Reply> LoginSession::capability(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  connection_.put("* CAPABILITY " + capabilities() + "\r\n");
  co_return Reply::ok("Pre-login capabilities listed, post-login capabilities have more.");
}

Task<Reply> LoginSession::noop(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  co_return Reply::ok("NOOP completed.");
}

Task<Reply> LoginSession::id(const CommandHead& command) {
  CO_TRY_DO(parse_id(command.arguments, login_limits));
  connection_.put(id_line(own_id(settings_.imap_id_send)));
  co_return Reply::ok("ID completed.");
}

Task<Reply> LoginSession::logout(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  connection_.put("* BYE Logging out\r\n");
  ended_ = true;
  co_return Reply::ok("Logout completed.");
}

Task<Reply> LoginSession::starttls(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, login_limits));
  if (security_.is_encrypted) co_return Reply::bad("TLS is already active.");
  if (client_.tls == nullptr) co_return Reply::bad("TLS is not available.");
  auto yes = Reply::ok("Begin TLS negotiation now.");
  connection_.put(yes.line(command.tag));
  auto* stream = co_await start_tls(connection_, client_.tls, settings_.imap_login_timeout);
  security_.is_encrypted = true;
  channel_binding_ = stream->channel_binding();
  co_return Reply::ok("");
}

Task<Reply> LoginSession::login(const CommandHead& command) {
  CO_TRY(auto request, parse_login(command.arguments, login_limits));
  if (!allows_plaintext()) co_return privacy_required();
  auto step = store::plain_step(request.user, std::string(request.password.reveal()));
  auto work = exchange(std::move(step));
  co_return co_await std::move(work);
}

Task<Reply> LoginSession::authenticate(const CommandHead& command) {
  CO_TRY(auto request, parse_authenticate(command.arguments, login_limits));
  auto known = mechanisms();
  if (std::ranges::none_of(known, [&](const auto& name) { return name == request.mechanism; })) {
    if (ServerExchange::is_plaintext(request.mechanism) && !allows_plaintext())
      co_return privacy_required();
    co_return Reply::no("[CANNOT] Unsupported authentication mechanism.");
  }
  store::AuthStep step;
  step.mechanism = request.mechanism;
  if (request.initial_response) {
    step.has_response = true;
    step.response = request.initial_response->reveal();
  }
  auto work = exchange(std::move(step));
  co_return co_await std::move(work);
}

Task<Reply> LoginSession::exchange(store::AuthStep step) {
  step.exchange = auth_.next_exchange();
  step.service = "imap";
  step.client_address = client_.address.text();
  step.local_address = client_.local.text();
  step.is_secure = security_.is_secure();
  step.channel_binding = channel_binding_;
  method_ = step.mechanism;
  for (;;) {
    auto ask = auth_.step(step);
    auto answer = co_await std::move(ask);
    if (!answer || answer->kind == store::AuthAnswer::Kind::Temporary) {
      co_return Reply::no("[UNAVAILABLE] Authentication is not possible now; try again later.");
    }
    if (!answer->login.empty()) attempted_login_ = answer->login;
    if (answer->kind == store::AuthAnswer::Kind::Failure) {
      auto failing = failed("[AUTHENTICATIONFAILED] Authentication failed.");
      co_return co_await std::move(failing);
    }
    bool is_success = answer->kind == store::AuthAnswer::Kind::Success;
    if (is_success && answer->challenge.empty()) {
      ++attempts_;
      success_.emplace();
      success_->answer = *std::move(answer);
      co_return Reply::ok("");
    }
    // A mechanism's last words come as one more challenge (RFC 9051 section 6.2.2).
    connection_.put("+ " + base64_encode(answer->challenge) + "\r\n");
    auto line = co_await connection_.line(sasl_line_bytes_max);
    auto response = base64_decode(line.text);
    bool is_cancelled = line.text == "*";
    if (line.is_too_long || is_cancelled || !response) {
      if (!is_success) auth_.abort(step.exchange);
      if (is_cancelled) co_return Reply::bad("Authentication aborted by client.");
      co_return Reply::bad("Invalid base64 in the response.");
    }
    if (is_success) {
      if (!response->empty()) co_return Reply::bad("Expected an empty response.");
      ++attempts_;
      success_.emplace();
      success_->answer = *std::move(answer);
      co_return Reply::ok("");
    }
    step.has_response = true;
    step.response = *std::move(response);
  }
}

Task<Reply> LoginSession::failed(std::string text) {
  ++attempts_;
  auto delay = throttle_.failed();
  co_await connection_.loop().sleep(delay);
  if (throttle_.is_exhausted()) {
    ended_ = true;
    connection_.put("* BYE Too many failed logins.\r\n");
  }
  co_return Reply::no(std::move(text));
}

}  // namespace pennypost::imap
