// Tells the client what has changed in its selected mailbox: the untagged EXISTS, FETCH, EXPUNGE.
//
// STANDARDS  RFC 9051 section 5.2, RFC 5465 section 3.1 (what NOTIFY has asked for)
#include "common/log/log.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Result<void>> SessionContext::sync(Wait wait) {
  auto& mailbox = selected_->mailbox();
  auto longest = wait == Wait::Yes ? store_->lock_timeout() : Duration::zero();
  auto work = store::retry_while_locked(loop(), light_lane(), longest, [&] {
    auto found = mailbox.sync();
    if (found && !found->uid_validity) {
      selected_->note(*found);
      selected_->note_whole();
    }
    return found;
  });
  auto changes = co_await std::move(work);
  bool in_use = !changes && store::is_in_use(changes.error());
  is_behind_ = in_use || (changes && changes->waiting);
  if (!changes) co_return changes.error();
  if (changes->uid_validity) co_return Error::permanent("The mailbox was made anew");
  if (!changes->added.empty() && account_->words) account_->words->new_messages(mailbox.name());
  co_return Result<void>();
}

// RFC 5465 section 3.1: a client that has said what it wants to hear of is told no more. What it
// has done itself is told in any case, which needs no look at the mailbox.
Task<> SessionContext::tell_news(bool with_expunges, bool with_uid) {
  auto wishes = announcer_ ? announcer_->wishes() : SelectedWishes();
  selected_->keep_flags_back(!wishes.flags);
  Result<void> synced;
  if (wishes.messages) {
    auto work = sync(Wait::No);
    synced = co_await std::move(work);
  }
  if (!synced && !store::is_in_use(synced.error())) {
    log_warning("imap", who_.user + ": sync of " + selected_->mailbox().name().text() + ": " +
                            synced.error().text());
  }
  if (!synced && !synced.error().is_temporary()) {
    abandon(Reply(synced.error()).in_form(name_form()).text(), "The mailbox has gone");
    co_return;
  }
  auto telling = tell_selected(with_expunges, with_uid);
  co_await std::move(telling);
  bool is_behind = !synced;
  if (!with_expunges || is_behind) put(selected_->held_back_line(is_behind));
}

// RFC 7162 section 3.2.7. Whoever is told it takes all up to it for known, so what other sessions
// have removed must have been noted.
Task<std::string> SessionContext::highest_modseq_code() {
  if (!reporting_.vanished) co_return "";
  if (!announcer_ || announcer_->wishes().messages) {
    auto syncing = sync(Wait::Yes);
    auto synced = co_await std::move(syncing);
    if (!synced) co_return "";
  }
  auto modseq = selected_->mailbox().highest_modseq();
  co_return "[HIGHESTMODSEQ " + std::to_string(modseq.value()) + "] ";
}

Task<> SessionContext::tell_selected(bool with_expunges, bool with_uid) {
  // RFC 5465 section 5.1, RFC 9051 section 7.5.2: whatever the client has not asked for.
  with_uid = with_uid || announcer_ != nullptr || reporting_.rev2;
  while (selected_->has_news(with_expunges)) {
    if (selected_->telling_cost() <= few_messages) {
      put(selected_->tell(with_expunges, with_uid));
    } else {
      auto text =
          co_await heavy_lane().offload([&] { return selected_->tell(with_expunges, with_uid); });
      auto sending = send(text);
      co_await std::move(sending);
    }
  }
  put(selected_->annotated_line());
  auto told = selected_->take_told();
  if (told.empty()) co_return;
  if (announcer_) {
    auto announcing = announcer_->follow(*this, told);
    co_await std::move(announcing);
  }
  if (auto* follower = selected_->follower()) {
    auto following = follower->follow(*this, told);
    co_await std::move(following);
  }
}

}  // namespace pennypost::imap
