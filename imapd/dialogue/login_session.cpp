#include "imapd/dialogue/login_session.h"

#include "common/base/text.h"
#include "imapd/command/capability.h"
#include "imapd/command/table.h"
#include "imapd/dialogue/shown_command.h"

namespace pennypost::imap {

Task<std::optional<store::LoginSuccess>> LoginSession::serve() {
  connection().set_timeout(settings().imap_login_timeout);
  show("");
  if (is_announced(*this, "LITERAL-")) assembler().limit_unasked_literals();
  // RFC 8437: who was logged in before has had the answer to UNAUTHENTICATE.
  if (!client().past) {
    put("* OK [CAPABILITY " + capability_text(*this) + "] " + settings().login_greeting + "\r\n");
  }
  while (!is_ended() && !has_success()) {
    auto event = co_await next_event();
    switch (event) {
      case Event::Complete:
        co_await dispatch();
        count_command();
        break;
      case Event::Message:
        assembler().refuse(Error(501, "Log in first"));
        continue;
      case Event::Refused:
        refuse_command();
        break;
      case Event::Abandon:
        refuse_command();
        abandon("Too much input before login.");
        break;
      case Event::NeedBytes:
      case Event::Continue:
        break;
    }
    assembler().reset();
  }
  co_await connection().flush();
  co_return take_success(std::move(tag_));
}

// Before login no size is right: BAD in any case, never a NO that a smaller one would get past.
void LoginSession::refuse_command() {
  answer(Reply::bad(assembler().error().text()), assembler().tag());
}

void LoginSession::count_command() {
  if (is_ended() || has_success() || ++commands_ < commands_before_login_max) return;
  abandon("Too many commands before login.");
}

Task<> LoginSession::dispatch() {
  if (is_traced()) show(shown_command(assembler().text()));
  auto head = parse_head(assembler().text());
  if (!head) {
    answer(Reply(head.error()), tag_of(assembler().text()));
    co_return;
  }
  const auto* row = find_command(commands, head->name);
  if (row == nullptr || (row->allowed != In::Any && row->allowed != In::NotAuthenticated)) {
    answer(Reply::bad("Unknown command, or log in first: " + printable(head->name, 40)), head->tag);
    co_return;
  }
  auto work = row->call(*this, *head);
  auto reply = co_await std::move(work);
  if (has_success()) {
    // The worker answers.
    tag_ = head->tag;
    co_return;
  }
  // STARTTLS has answered before its handshake.
  if (!reply.text().empty()) answer(reply, head->tag);
}

std::string LoginSession::refusal(const store::LoginSuccess& success, bool is_limit) const {
  auto reply = mail_unavailable();
  if (is_limit) {
    reply = Reply::no(ResponseCode::Limit, "Maximum number of connections from user+IP exceeded.");
  }
  return reply.line(success.state);
}

std::string_view LoginSession::farewell() const { return "* BYE Disconnected for inactivity.\r\n"; }
std::string_view LoginSession::stop_notice() const { return "* BYE Server shutting down.\r\n"; }

}  // namespace pennypost::imap
