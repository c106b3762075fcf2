// STORE and UID STORE: changes the flags of messages.
//
// STANDARDS  RFC 9051 sections 6.4.6 and 2.3.2, RFC 2180 section 4.2 (messages that are gone)
#include "common/async/turn.h"
#include "common/base/text.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Reply read_only() { return Reply::no(ResponseCode::NoPerm, "Mailbox is read-only."); }

Result<store::FlagChange> flag_change(const SessionContext& context,
                                      const std::vector<std::string>& names, bool may_be_recent) {
  store::FlagChange change;
  auto length_max = context.settings().mail_max_keyword_length;
  for (const auto& name : names) {
    if (!name.starts_with('\\')) {
      if (name.size() > length_max) return Error(550, ResponseCode::Limit, "Keyword is too long");
      change.keywords.push_back(name);
      continue;
    }
    if (auto flag = system_flag(name)) {
      change.flags = change.flags | *flag;
    } else if (name != "\\Recent" || !may_be_recent) {
      // RFC 9051 section 2.3.2: there are no other system flags, and no client may set \Recent.
      return Error(501, "Invalid system flag " + printable(name, 40));
    }
  }
  return change;
}

Task<Reply> store_flags(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_store(command.arguments, context.limits()));
  if (!request.modifiers.empty()) co_return Reply::bad("Unknown STORE modifier");
  CO_TRY(auto change, flag_change(context, request.flags, false));
  auto& selected = *context.selected();
  CO_TRY(auto numbers, selected.numbers(request.messages, command.is_uid()));
  if (!context.may_change()) co_return read_only();
  switch (request.change) {
    case StoreRequest::Change::Add:
      change.mode = store::FlagChange::Mode::Add;
      break;
    case StoreRequest::Change::Remove:
      change.mode = store::FlagChange::Mode::Remove;
      break;
    case StoreRequest::Change::Replace:
      change.mode = store::FlagChange::Mode::Replace;
      break;
  }
  auto uids = selected.uids(numbers);
  auto& mailbox = selected.mailbox();
  auto keywords = mailbox.keywords().size();
  auto storing = context.retry_while_locked(context.lane_for(uids.size()),
                                            [&] { return mailbox.store(uids, change); });
  CO_TRY(auto stored, co_await std::move(storing));
  if (mailbox.keywords().size() != keywords) {
    store::Changes grown;
    grown.keywords = true;
    selected.note(grown);
    auto telling = context.tell_selected(false, command.is_uid());
    co_await std::move(telling);
  }
  if (request.silent && !stored.failure) co_return Reply::ok("Store completed.");
  std::size_t missed = 0;
  // After a failure even a client that asked for silence is told how far it went.
  for (auto uid : uids) {
    auto line = selected.flags_of(uid, command.is_uid());
    if (line.empty()) ++missed;
    context.put(line);
    co_await context.send_if_much();
    if (turn_is_long(context.loop())) co_await context.loop().turn_end();
  }
  if (stored.failure) co_return Reply(*stored.failure);
  // RFC 2180 sections 4.2.1 to 4.2.3: those that are there were changed, which is no failure.
  if (missed > 0 && !command.is_uid()) {
    if (missed == uids.size()) {
      co_return Reply::no(ResponseCode::Expunged, "The messages no longer exist.");
    }
    co_return Reply::ok("[EXPUNGEISSUED] Store completed; some of the messages no longer exist.");
  }
  co_return Reply::ok("Store completed.");
}

}  // namespace pennypost::imap
