// What a Screen does after the greeting: the tests of a client's lines and commands, and the
// answers to one that has failed.

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/esmtp.h"
#include "smtpd/inbound/screen.h"
#include "smtpd/inbound/service_context.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view test_failed = "Protocol error";

}  // namespace

/// What a test that a client has failed after the greeting leads to: see act().
std::optional<Reply> Screen::fail_late(ScreenTest test, std::string_view drop_status,
                                       std::string_view drop_text) {
  Action what = action(test);
  if (what == Action::Ignore) {
    // Not tested again until some other test is due.
    auto shortest = std::chrono::seconds::max();
    for (const auto& each : rules_.tests) shortest = std::min(shortest, each.life);
    pass(test, shortest);
    return std::nullopt;
  }
  settled_.set(at(test));
  is_testing_ = false;
  has_failed_ = true;
  if (what == Action::Drop) {
    return Reply(521, drop_status, std::string(drop_text)).and_hang_up();
  }
  return act(what, Reply(550, "5.5.1", std::string(test_failed)));
}

std::optional<Reply> Screen::hear_bare_newline(std::string_view line) {
  if (!is_due(ScreenTest::BareNewline)) return std::nullopt;
  log_screen_fault("BARE NEWLINE", logged(), line);
  return fail_late(ScreenTest::BareNewline, "5.5.1", test_failed);
}

std::optional<Reply> Screen::hear_command(std::string_view verb, std::string_view line,
                                          bool is_known, bool is_forbidden) {
  std::string before = std::exchange(stage_, is_known ? upper(verb) : "UNKNOWN");
  if (is_forbidden && is_due(ScreenTest::NonSmtp)) {
    log_screen_fault("NON-SMTP COMMAND", logged(), before, line);
    auto over =
        fail_late(ScreenTest::NonSmtp, "5.7.0", "Error: this is not an SMTP command. Goodbye.");
    if (over) return over;
  }
  bool has_payload = equal_nocase(verb, "BDAT") || equal_nocase(verb, "QUIT");
  if (connection_.has_input() && !has_payload && is_due(ScreenTest::Pipelining)) {
    log_screen_fault("COMMAND PIPELINING", logged(), verb, connection_.buffered());
    auto over = fail_late(ScreenTest::Pipelining, "5.5.1", test_failed);
    if (over) return over;
  }
  bool is_too_much = ++commands_ > context_.settings().postscreen_command_count_limit;
  if (is_too_much && !equal_nocase(verb, "QUIT")) {
    log_screen_fault("COMMAND COUNT LIMIT", logged(), before);
    return Reply(421, "4.7.0", context_.settings().myhostname + " Error: too many commands");
  }
  return std::nullopt;
}

bool Screen::reach_recipient() {
  if (is_refusing()) return false;
  for (auto test : {ScreenTest::Pipelining, ScreenTest::NonSmtp, ScreenTest::BareNewline}) {
    if (is_due(test)) pass(test, rules_.tests[at(test)].life);
  }
  is_testing_ = false;
  conclude();
  return true;
}

Reply Screen::mail(std::string_view arguments) {
  if (sender_) return Reply(503, "5.5.1", "Error: nested MAIL command");
  auto command = parse_mail_command(arguments);
  if (!command) return Reply(command.error());
  sender_ = command->sender;
  return Reply(250, "2.1.0", "Ok");
}

Reply Screen::rcpt(std::string_view arguments, std::string_view protocol, std::string_view helo) {
  if (!sender_) return Reply(503, "5.5.1", "Error: need MAIL command");
  auto command = parse_rcpt_command(arguments, Utf8::Allowed);
  if (!command) return Reply(command.error());
  Reply reply = *refusal_;
  if (context_.settings().soft_bounce) reply.soften();
  std::string text = reply.summary();
  std::string sender = sender_->text();
  std::string recipient = command->recipient.text();
  log_screened_recipient(logged(), {text, sender, recipient, protocol, helo});
  return reply;
}

/// Nobody whose recipients were all refused has a reason to send content.
Reply Screen::refuse_content(std::string_view verb) {
  log_info("postscreen", std::string(verb) + " without valid RCPT from " + client_text_);
  return Reply(554, "5.5.1", "Error: no valid recipients").and_hang_up();
}

}  // namespace pennypost::smtp
