// STORE, EXPUNGE, COPY and MOVE, with their UID forms.
#include "common/async/turn.h"
#include "common/base/text.h"
#include "imapd/dialogue/session.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using store::Flags;
using store::Uid;

struct SystemFlag {
  std::string_view name;
  Flags::Bit bit;
};
constexpr SystemFlag system_flags[] = {{"\\Answered", Flags::Answered},
                                       {"\\Flagged", Flags::Flagged},
                                       {"\\Deleted", Flags::Deleted},
                                       {"\\Seen", Flags::Seen},
                                       {"\\Draft", Flags::Draft}};

Reply read_only() { return Reply::no(ResponseCode::NoPerm, "Mailbox is read-only."); }

}  // namespace

Result<store::FlagChange> Session::flag_change(const std::vector<std::string>& names,
                                               bool may_be_recent) const {
  store::FlagChange change;
  auto length_max = static_cast<std::size_t>(surroundings_->settings().mail_max_keyword_length);
  for (const auto& name : names) {
    if (!name.starts_with('\\')) {
      if (name.size() > length_max) return Error(550, ResponseCode::Limit, "Keyword is too long");
      change.keywords.push_back(name);
      continue;
    }
    const auto* row = std::find_if(std::begin(system_flags), std::end(system_flags),
                                   [&](const SystemFlag& flag) { return flag.name == name; });
    if (row != std::end(system_flags)) {
      change.flags = change.flags | row->bit;
    } else if (name != "\\Recent" || !may_be_recent) {
      // RFC 9051 section 2.3.2: only the server's own system flags exist; \Recent is nobody's to
      // set.
      return Error(501, "Invalid system flag " + printable(name, 40));
    }
  }
  return change;
}

Task<Reply> Session::store(const CommandHead& command) {
  CO_TRY(auto request, parse_store(command.arguments, surroundings_->limits));
  if (!request.modifiers.empty()) co_return Reply::bad("Unknown STORE modifier");
  bool is_uid = command.name.starts_with("UID ");
  CO_TRY(auto change, flag_change(request.flags, false));
  CO_TRY(auto numbers, selected_->numbers(request.messages, is_uid));
  if (!may_change()) co_return read_only();
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
  auto uids = selected_->uids(numbers);
  auto& mailbox = selected_->mailbox();
  auto keywords = mailbox.keywords().size();
  auto storing = patiently(lane_for(uids.size()), [&] { return mailbox.store(uids, change); });
  CO_TRY(auto stored, co_await std::move(storing));
  if (mailbox.keywords().size() != keywords) {
    store::Changes grown;
    grown.keywords = true;
    selected_->note(grown);
    auto telling = tell_selected(false, is_uid);
    co_await std::move(telling);
  }
  if (request.silent && !stored.failure) co_return Reply::ok("Store completed.");
  std::size_t missed = 0;
  // After a failure even who asked for silence is told how far it went.
  for (auto uid : uids) {
    auto line = selected_->flags_of(uid, is_uid);
    if (line.empty()) ++missed;
    put(line);
    co_await send_if_much();
    if (turn_is_long(loop_)) co_await loop_.turn_end();
  }
  if (stored.failure) co_return Reply(*stored.failure);
  // RFC 2180 sections 4.2.1 to 4.2.3: those that are there were changed, which is no failure.
  if (missed > 0 && !is_uid) {
    if (missed == uids.size()) {
      co_return Reply::no(ResponseCode::Expunged, "The messages no longer exist.");
    }
    co_return Reply::ok("[EXPUNGEISSUED] Store completed; some of the messages no longer exist.");
  }
  co_return Reply::ok("Store completed.");
}

// Removes those of `uids` that are flagged \Deleted.
Task<Reply> Session::expunge_messages(std::vector<Uid> uids, std::string_view done) {
  auto& mailbox = selected_->mailbox();
  auto expunge = [&]() -> Result<void> {
    std::erase_if(uids, [&](Uid uid) {
      const auto* message = mailbox.find(uid);
      return message == nullptr || !message->flags.has(Flags::Deleted);
    });
    while (!uids.empty()) {
      TRY(auto gone, mailbox.expunge(uids));
      // The others were gone already.
      if (gone.empty()) break;
      selected_->note_expunged(gone);
      // Or they are there still: asked once more, the mailbox says why.
      std::erase_if(uids, [&](Uid uid) { return std::ranges::binary_search(gone, uid); });
    }
    return {};
  };
  auto expunging = patiently(lane_for(uids.size()), [&] { return expunge(); });
  CO_TRY_DO(co_await std::move(expunging));
  co_return Reply::ok(std::string(done));
}

Task<Reply> Session::expunge(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  if (!may_change()) co_return read_only();
  // What another program has marked meanwhile counts as well.
  CO_TRY_DO(co_await sync(Wait::Yes));
  auto expunging = expunge_messages(selected_->view(), "Expunge completed.");
  co_return co_await std::move(expunging);
}

Task<Reply> Session::uid_expunge(const CommandHead& command) {
  CO_TRY(auto set, parse_uid_expunge(command.arguments, surroundings_->limits));
  if (!may_change()) co_return read_only();
  CO_TRY_DO(co_await sync(Wait::Yes));
  CO_TRY(auto numbers, selected_->numbers(set, true));
  auto uids = selected_->uids(numbers);
  auto expunging = expunge_messages(std::move(uids), "Expunge completed.");
  co_return co_await std::move(expunging);
}

Task<Reply> Session::copy(const CommandHead& command) {
  co_return co_await copy_messages(command, false);
}

Task<Reply> Session::move(const CommandHead& command) {
  co_return co_await copy_messages(command, true);
}

Task<Reply> Session::copy_messages(const CommandHead& command, bool and_remove) {
  CO_TRY(auto request, parse_copy(command.arguments, surroundings_->limits));
  CO_TRY(auto target, mailbox_name(request.mailbox));
  bool is_uid = command.name.starts_with("UID ");
  CO_TRY(auto numbers, selected_->numbers(request.messages, is_uid));
  if (and_remove && !may_change()) co_return read_only();
  auto uids = selected_->uids(numbers);
  if (uids.empty()) co_return Reply::ok("No messages found.");
  auto& mailbox = selected_->mailbox();
  // RFC 3501 section 6.4.7: all or none; section 6.4.8: a UID that is not there is passed over.
  auto missing = is_uid ? store::Missing::Skip : store::Missing::Refuse;
  std::string code;
  auto copy = [&] {
    auto done =
        and_remove ? mailbox.move(uids, target, missing) : mailbox.copy(uids, target, missing);
    if (done) code = copy_uid_code(*done);
    if (done && and_remove) selected_->note_expunged(done->source);
    return done;
  };
  auto copying = patiently(lane_for(uids.size()), [&] { return copy(); });
  auto copied = co_await std::move(copying);
  if (!copied && store::is_expunged(copied.error())) {
    co_return Reply::no(ResponseCode::Expunged, "Some of the messages no longer exist.");
  }
  if (!copied) co_return Reply(with_try_create(copied.error()));
  if (copied->source.empty()) co_return Reply::ok("No messages found.");
  if (!and_remove) co_return Reply::ok(code + " Copy completed.");
  // RFC 6851 section 4.3: COPYUID comes before the EXPUNGE lines, in an untagged OK.
  put("* OK " + code + " Moved UIDs.\r\n");
  if (copied->failure) co_return Reply(*copied->failure);
  co_return Reply::ok("Move completed.");
}

}  // namespace pennypost::imap
