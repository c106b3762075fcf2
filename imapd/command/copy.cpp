// COPY and MOVE, with their UID forms.
//
// STANDARDS  RFC 9051 section 6.4.7, RFC 6851 (MOVE), RFC 4315 section 3 (COPYUID)
#include "imapd/command/event_scripts.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/response/untagged.h"
#include "imapd/session/progress.h"

namespace pennypost::imap {
namespace {

Task<Reply> copy_messages(SessionContext& context, const CommandHead& command, bool and_remove) {
  CO_TRY(auto request, parse_copy(command.arguments, context.limits()));
  CO_TRY(auto target, context.mailbox_name(request.mailbox));
  auto& selected = *context.selected();
  CO_TRY(auto numbers, selected.numbers(request.messages, command.is_uid()));
  if (and_remove && !context.may_change()) co_return read_only();
  auto uids = selected.uids(numbers);
  if (uids.empty()) co_return Reply::ok("No messages found.");
  auto& mailbox = selected.mailbox();
  // RFC 3501 section 6.4.7: all or none; section 6.4.8: a UID that is not there is passed over.
  auto missing = command.is_uid() ? store::Missing::Skip : store::Missing::Refuse;
  std::string code;
  auto copy = [&] {
    auto done =
        and_remove ? mailbox.move(uids, target, missing) : mailbox.copy(uids, target, missing);
    if (done) code = copy_uid_code(*done);
    if (done && and_remove) selected.note_expunged(done->source);
    return done;
  };
  auto copying = context.retry_while_locked(context.lane_for(uids.size()), [&] { return copy(); });
  std::string_view text = and_remove ? "Still moving." : "Still copying.";
  auto waiting = with_signs_of_life(context, text, std::move(copying));
  auto copied = co_await std::move(waiting);
  if (!copied && store::is_expunged(copied.error())) {
    co_return Reply::no(ResponseCode::Expunged, "Some of the messages no longer exist.");
  }
  if (!copied) co_return Reply(with_try_create(copied.error()));
  if (copied->source.empty()) co_return Reply::ok("No messages found.");
  context.note_own(target, copied->target);
  MailEvent event;
  event.cause = ImapCause::Copy;
  event.mailbox = target;
  event.from = mailbox.name().text();
  for (auto uid : copied->target) event.messages.push_back({uid, ""});
  auto running = run_event_scripts(context, std::move(event));
  co_await std::move(running);
  if (!and_remove) co_return Reply::ok(code + " Copy completed.");
  // RFC 6851 section 4.3: COPYUID comes before the EXPUNGE lines, in an untagged OK.
  context.put("* OK " + code + " Moved UIDs.\r\n");
  if (copied->failure) co_return Reply(*copied->failure);
  auto coding = context.highest_modseq_code();
  auto modseq = co_await std::move(coding);
  co_return Reply::ok(modseq + "Move completed.");
}

}  // namespace

Task<Reply> copy(SessionContext& context, const CommandHead& command) {
  return copy_messages(context, command, false);
}

Task<Reply> move(SessionContext& context, const CommandHead& command) {
  return copy_messages(context, command, true);
}

}  // namespace pennypost::imap
