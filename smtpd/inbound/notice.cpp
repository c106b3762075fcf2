// What a session keeps and shows of its dialogue, and of which errors it has postmaster told at its
// end.

#include "common/base/text.h"
#include "common/session/command_table.h"
#include "smtpd/inbound/error_class.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {

/// Puts lines that are sent with the next flush.
void Session::put(std::string_view wire) {
  if (transcript_) transcript_->said(wire);
  connection_.put(wire);
}

/// Keeps a command, but not the password in it.
void Session::note_command(std::string_view line) {
  if (!starts_with_nocase(line, "AUTH ")) return transcript_->heard(line);
  auto given = words(line, " \t");
  std::string shown = "AUTH " + std::string(given.size() > 1 ? given[1] : "");
  if (given.size() > 2) shown += " (response not shown)";
  transcript_->heard(shown);
}

/// Who is logged in now, for those who ask (`pennypost who`).
void Session::list_login() {
  listed_.leave();
  if (list_ == nullptr || !login_) return;
  OpenSession shown;
  shown.service = context_->service_name();
  shown.user = login_->name;
  shown.client = client_address_;
  shown.since = context_->process().clock->now_seconds();
  shown.is_encrypted = tls_ != nullptr;
  listed_.enter(*list_, std::move(shown), [this] { connection_.stream().abort(); });
}

TracedSession Session::traced() const {
  return {"smtpd", client_address_, login_ ? std::string_view(login_->name) : std::string_view()};
}

/// Shows a command to those who watch. What is no command may be a password that came too late.
void Session::show_command(std::string_view line) {
  const Command* command = find_command(commands(), line.substr(0, line.find_first_of(" \t")));
  bool is_secret = command == nullptr || command->handler == &Session::auth;
  if (!is_secret) return trace_.hear(traced(), line);
  trace_.hear(traced(), command == nullptr ? "(an unknown command, not shown)"
                                           : std::string(command->name) + " (not shown)");
}

void Session::note_error(const Reply& reply) {
  if (!transcript_) return;
  if (auto which = class_of(reply, stage_)) seen_.add(*which);
}

/// `reason`: why the session was broken off; empty: it was not.
void Session::tell_postmaster(std::string_view reason) const {
  if (!context_->notices().meet(seen_)) return;
  PostNotice notice;
  notice.role = "SMTP server";
  notice.peer = peer_text();
  notice.transcript = transcript_->text();
  notice.reason = reason;
  notice.is_bounce = seen_.has(ErrorClass::Bounce);
  context_->backend().notify(notice);
}

}  // namespace pennypost::smtp
