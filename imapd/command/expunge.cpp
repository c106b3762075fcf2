// EXPUNGE and UID EXPUNGE: removes the messages that are marked as deleted.
//
// STANDARDS  RFC 9051 section 6.4.3, RFC 4315 section 2.1 (UID EXPUNGE), RFC 7162 sections 3.2.7
// and
//            3.2.9
#include <algorithm>

#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/session/progress.h"

namespace pennypost::imap {

using store::Uid;

Task<Reply> expunge_messages(SessionContext& context, std::vector<Uid> uids,
                             std::string_view done) {
  auto& selected = *context.selected();
  auto& mailbox = selected.mailbox();
  bool has_removed = false;
  auto expunge = [&]() -> Result<void> {
    std::erase_if(uids, [&](Uid uid) {
      const auto* message = mailbox.find(uid);
      return message == nullptr || !message->flags.has(store::Flags::Deleted);
    });
    while (!uids.empty()) {
      TRY(auto gone, mailbox.expunge(uids));
      // The rest were gone already.
      if (gone.empty()) break;
      has_removed = true;
      selected.note_expunged(gone);
      // If some are still there, the next call says why.
      std::erase_if(uids, [&](Uid uid) { return std::ranges::binary_search(gone, uid); });
    }
    return {};
  };
  auto expunging =
      context.retry_while_locked(context.lane_for(uids.size()), [&] { return expunge(); });
  auto waiting = with_signs_of_life(context, "Still expunging.", std::move(expunging));
  CO_TRY_DO(co_await std::move(waiting));
  if (!has_removed) co_return Reply::ok(std::string(done));
  auto coding = context.highest_modseq_code();
  auto code = co_await std::move(coding);
  co_return Reply::ok(code + std::string(done));
}

namespace {

// RFC 4314 section 4: also where nothing is to be removed.
bool may_expunge(const SessionContext& context) {
  return context.may_change() && context.selected()->mailbox().changeable().expunges;
}

}  // namespace

Task<Reply> expunge(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  if (!may_expunge(context)) co_return read_only();
  // Messages that another program has marked meanwhile are removed too.
  CO_TRY_DO(co_await context.sync(SessionContext::Wait::Yes));
  auto expunging = expunge_messages(context, context.selected()->view(), "Expunge completed.");
  co_return co_await std::move(expunging);
}

Task<Reply> uid_expunge(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto set, parse_uid_expunge(command.arguments, context.limits()));
  if (!may_expunge(context)) co_return read_only();
  CO_TRY_DO(co_await context.sync(SessionContext::Wait::Yes));
  auto& selected = *context.selected();
  CO_TRY(auto numbers, selected.numbers(set, true));
  auto uids = selected.uids(numbers);
  auto expunging = expunge_messages(context, std::move(uids), "Expunge completed.");
  co_return co_await std::move(expunging);
}

}  // namespace pennypost::imap
