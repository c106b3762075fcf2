// STORE and UID STORE: changes the flags of messages.
//
// STANDARDS  RFC 9051 sections 6.4.6 and 2.3.2, RFC 2180 section 4.2 (messages that are gone),
//            RFC 7162 section 3.1.3 (UNCHANGEDSINCE)
#include <algorithm>

#include "common/async/turn.h"
#include "common/base/text.h"
#include "imapd/command/event_scripts.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/grammar/modseq.h"
#include "imapd/response/untagged.h"
#include "imapd/session/progress.h"

namespace pennypost::imap {

Reply read_only() { return Reply::no(ResponseCode::NoPerm, "Mailbox is read-only."); }

Error uid_required() {
  return Error(501, "[UIDREQUIRED] Message numbers are not used after ENABLE UIDONLY");
}

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

namespace {

store::FlagChange::Mode mode_of(StoreRequest::Change change) {
  switch (change) {
    case StoreRequest::Change::Add:
      return store::FlagChange::Mode::Add;
    case StoreRequest::Change::Remove:
      return store::FlagChange::Mode::Remove;
    case StoreRequest::Change::Replace:
      break;
  }
  return store::FlagChange::Mode::Replace;
}

// RFC 7162 section 3.1.3: UNCHANGEDSINCE, once.
Result<std::optional<store::ModSeq>> unchanged_since(const SessionContext& context,
                                                     const StoreRequest& request) {
  std::optional<store::ModSeq> since;
  for (const auto& modifier : request.modifiers) {
    if (modifier.name != "UNCHANGEDSINCE" || since) {
      return Error(501, "Unknown STORE modifier " + modifier.name);
    }
    TRY(auto modseq, parse_modseq(modifier, 0, context.limits()));
    since.emplace(modseq);
  }
  return since;
}

// `[MODIFIED 7,9] `, the messages that were left as they are; nothing if there are none.
std::string modified_code(const Selected& selected, const std::vector<store::Uid>& uids,
                          bool are_uids) {
  RangeBuilder builder;
  for (auto uid : uids) {
    auto number = selected.number_of(uid);
    if (number) builder.add(are_uids ? uid.value() : *number);
  }
  return builder.ranges().empty() ? "" : "[MODIFIED " + to_text(builder.ranges()) + "] ";
}

// The FETCH lines for those of `uids` that are there, flags or the mod-sequence alone; how many are
// not.
Task<std::size_t> tell_stored(SessionContext& context, const std::vector<store::Uid>& uids,
                              bool with_uid, bool with_flags) {
  auto& selected = *context.selected();
  std::size_t missed = 0;
  for (auto uid : uids) {
    auto line = with_flags ? selected.flags_of(uid, with_uid) : selected.modseq_of(uid);
    if (line.empty()) ++missed;
    context.put(line);
    co_await context.send_if_much();
    if (turn_is_long(context.loop())) co_await context.loop().turn_end();
  }
  co_return missed;
}

}  // namespace

Task<Reply> store_flags(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_store(command.arguments, context.limits()));
  CO_TRY(auto change, flag_change(context, request.flags, false));
  CO_TRY(change.unchanged_since, unchanged_since(context, request));
  if (change.unchanged_since) context.enable_condstore();
  auto& selected = *context.selected();
  CO_TRY(auto numbers, selected.numbers(request.messages, command.is_uid()));
  if (!context.may_change()) co_return read_only();
  change.mode = mode_of(request.change);
  auto uids = selected.uids(numbers);
  auto& mailbox = selected.mailbox();
  FlagsBefore flags_before(context, mailbox, uids);
  auto storing = context.retry_while_locked(context.lane_for(uids.size()),
                                            [&] { return mailbox.store(uids, change); });
  auto waiting = with_signs_of_life(context, "Still changing flags.", std::move(storing));
  CO_TRY(auto stored, co_await std::move(waiting));
  if (selected.lacks_keywords()) {
    store::Changes grown;
    grown.keywords = true;
    selected.note(grown);
    auto telling = context.tell_selected(false, command.is_uid());
    co_await std::move(telling);
  }
  auto running = run_event_scripts(context, flags_before.event(mailbox));
  co_await std::move(running);
  // Who follows the mailbox hears of it behind the lines that follow here.
  selected.note_told_flags(stored.changed);
  std::ranges::sort(stored.modified);
  auto modified = modified_code(selected, stored.modified, command.is_uid());
  std::erase_if(uids, [&](auto uid) { return std::ranges::binary_search(stored.modified, uid); });
  // After a failure even a client that asked for silence is told how far it went. One that has
  // enabled CONDSTORE is told the new mod-sequences in any case.
  bool is_silent = request.silent && !stored.failure;
  if (is_silent && !context.reporting().modseqs) co_return Reply::ok("Store completed.");
  auto telling =
      tell_stored(context, is_silent ? stored.changed : uids, command.is_uid(), !is_silent);
  auto missed = co_await std::move(telling);
  if (stored.failure) co_return Reply(*stored.failure);
  if (!modified.empty()) co_return Reply::ok(modified + "Some were changed meanwhile.");
  if (is_silent) co_return Reply::ok("Store completed.");
  // RFC 2180 sections 4.2.1 to 4.2.3: those that are there were changed, which is no failure.
  if (missed > 0 && !command.is_uid()) {
    if (missed == uids.size()) {
      co_return Reply::no(ResponseCode::Expunged, "The messages have been deleted.");
    }
    co_return Reply::ok("[EXPUNGEISSUED] Store completed; some of the messages no longer exist.");
  }
  co_return Reply::ok("Store completed.");
}

}  // namespace pennypost::imap
