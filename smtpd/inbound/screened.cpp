// A session with a stranger who is tested, or has failed a test. Members of Session.
//
// SEE ALSO   screen.h (the tests)

#include "common/base/text.h"
#include "common/base/words.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {

/// Runs the tests before the greeting. False if the client has been sent away.
Task<bool> Session::screen() {
  screen_ = std::make_unique<Screen>(*context_, connection_, peer_, local_);
  is_screened_out_ = true;  // if it leaves before its end
  auto meeting = screen_->meet();
  auto over = co_await std::move(meeting);
  if (over) {
    co_await send(*std::move(over));
    co_return false;
  }
  is_screened_out_ = screen_->is_refusing();
  if (!screen_->is_watching()) screen_.reset();
  co_return true;
}

/// The greeting of a client whose recipients will be refused: it has cost no look-up. Who has
/// spoken before its turn gets none, since it goes on speaking.
Reply Session::greet_screened() const {
  if (screen_->is_greeted()) return Reply::already_sent();
  return Reply(220, "", settings_.smtpd_banner);
}

/// What the tests say of a line; nothing if it is a command like any other.
std::optional<Reply> Session::screen_line(const Line& line) {
  if (line.has_crlf) return std::nullopt;
  auto over = screen_->hear_bare_newline(line.text);
  is_screened_out_ = screen_->is_refusing();
  return over;
}

/// What the tests say of a command, and the answers to a client that has failed one.
std::optional<Reply> Session::screen_command(std::string_view verb, std::string_view line,
                                             const Command* command) {
  bool is_forbidden = command == nullptr &&
                      (holds(settings_.smtpd_forbidden_commands, verb) || verb.ends_with(':'));
  auto over = screen_->hear_command(verb, line, command != nullptr, is_forbidden);
  if (over) return over;
  is_screened_out_ = screen_->is_refusing();
  if (is_screened_out_) return answer_screened(command, trim(line.substr(verb.size())));
  if (command != nullptr && command->handler == &Session::rcpt && screen_->reach_recipient()) {
    screen_.reset();
  }
  return std::nullopt;
}

/// The answer to a client whose recipients are refused; nothing to commands that cost nothing and
/// change nothing but itself.
std::optional<Reply> Session::answer_screened(const Command* command, std::string_view arguments) {
  if (command == nullptr) return std::nullopt;
  auto handler = command->handler;
  bool is_reset = handler == &Session::rset || handler == &Session::ehlo ||
                  handler == &Session::helo || handler == &Session::starttls;
  if (is_reset) screen_->reset();
  if (auto refused = refusal(*command)) return refused;
  if (handler == &Session::mail) {
    // What the client had begun before it failed.
    end_transaction();
    return screen_->mail(arguments);
  }
  if (handler == &Session::rcpt) return screen_->rcpt(arguments, protocol(), helo_);
  if (handler == &Session::data || handler == &Session::bdat) {
    return screen_->refuse_content(command->name);
  }
  if (handler == &Session::auth) {
    return Reply(503, "5.5.1", "Error: authentication not enabled");
  }
  if (handler == &Session::etrn) return Reply(458, "", "Unable to queue messages");
  if (handler == &Session::vrfy) return Reply(252, "2.0.0", "Cannot VRFY user");
  bool is_trusted_only = handler == &Session::xclient || handler == &Session::xforward;
  if (is_trusted_only) return Reply(550, "5.7.0", "Error: insufficient authorization");
  return std::nullopt;
}

}  // namespace pennypost::smtp
