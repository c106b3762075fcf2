#include "store/sharing/guarded_mailbox.h"

#include <algorithm>
#include <list>

#include "store/mailbox/lock_tries.h"

namespace pennypost::store {
namespace {

constexpr Flags all_flags{Flags::all_bits};
constexpr Flags common_flags = all_flags - (Flags::Seen | Flags::Deleted);

bool is_all(const Changeable& may) { return may.flags == all_flags && may.keywords; }

// The deed of a change of which nothing is allowed.
Deed deed_of(const FlagChange& change) {
  if (!(change.flags - (Flags::Seen | Flags::Deleted)).empty() || !change.keywords.empty()) {
    return Deed::Mark;
  }
  if (change.flags.has(Flags::Seen)) return Deed::MarkSeen;
  return change.flags.has(Flags::Deleted) ? Deed::MarkDeleted : Deed::Mark;
}

// The part of it that is allowed.
FlagChange narrowed(FlagChange change, const Changeable& may) {
  change.flags = change.flags - (all_flags - may.flags);
  if (!may.keywords) change.keywords.clear();
  return change;
}

Error is_gone() {
  return Error(550, ResponseCode::Expunged, "Some of the messages no longer exist");
}

}  // namespace

Changeable changeable_with(Rights rights) {
  Changeable may;
  may.flags = Flags();
  if (rights.has(Rights::Write)) may.flags = may.flags | common_flags;
  if (rights.has(Rights::WriteSeen)) may.flags = may.flags | Flags::Seen;
  if (rights.has(Rights::WriteDeleted)) may.flags = may.flags | Flags::Deleted;
  may.keywords = rights.has(Rights::Write);
  may.expunges = rights.has(Rights::Expunge);
  return may;
}

Result<Changes> GuardedMailbox::sync() {
  TRY_DO(store_.check(place_, Deed::Read));
  return inner_->sync();
}

Result<MessageReader> GuardedMailbox::open(Uid uid) {
  TRY_DO(store_.check(place_, Deed::Read));
  return inner_->open(uid);
}

// What looks at no disk can't look at another user's rights either.
std::optional<MessageReader> GuardedMailbox::open_now(Uid uid) {
  return place_.is_own() ? inner_->open_now(uid) : std::nullopt;
}

Result<Stored> GuardedMailbox::store(std::span<const Uid> uids, const FlagChange& change) {
  TRY_DO(store_.check(place_, Deed::Read));
  auto may = changeable();
  if (is_all(may)) return inner_->store(uids, change);
  auto part = narrowed(change, may);
  bool is_replacing = change.mode == FlagChange::Mode::Replace;
  bool asks = !change.flags.empty() || !change.keywords.empty();
  bool may_none = is_replacing ? may.flags.empty() && !may.keywords
                               : asks && part.flags.empty() && part.keywords.empty();
  if (may_none) return refusal(place_.rights, deed_of(change), place_.shown);
  return is_replacing ? replace_some(uids, part, may) : inner_->store(uids, part);
}

// Flags that may not be changed stay: the others are added, and then removed, as they should be.
Result<Stored> GuardedMailbox::replace_some(std::span<const Uid> uids, const FlagChange& change,
                                            const Changeable& may) {
  auto adding = change;
  adding.mode = FlagChange::Mode::Add;
  TRY(auto stored, inner_->store(uids, adding));
  if (stored.failure) return stored;
  FlagChange removing;
  removing.mode = FlagChange::Mode::Remove;
  removing.flags = may.flags - change.flags;
  for (const auto& keyword : inner_->keywords()) {
    bool stays =
        keyword.empty() || std::ranges::find(change.keywords, keyword) != change.keywords.end();
    if (may.keywords && !stays) removing.keywords.push_back(keyword);
  }
  std::vector<Uid> rest(uids.begin(), uids.end());
  std::erase_if(rest, [&](Uid uid) {
    return std::ranges::find(stored.modified, uid) != stored.modified.end();
  });
  auto removed = inner_->store(rest, removing);
  if (!removed) {
    stored.failure = std::move(removed).error();
    return stored;
  }
  stored.failure = std::move(removed->failure);
  for (auto uid : removed->changed) {
    if (std::ranges::find(stored.changed, uid) == stored.changed.end()) {
      stored.changed.push_back(uid);
    }
  }
  std::ranges::sort(stored.changed);
  return stored;
}

Result<std::vector<Uid>> GuardedMailbox::expunge(std::span<const Uid> uids) {
  TRY_DO(store_.check(place_, Deed::Expunge));
  return inner_->expunge(uids);
}

Result<Copied> GuardedMailbox::copy(std::span<const Uid> uids, const MailboxName& target,
                                    Missing missing) {
  TRY_DO(store_.check(place_, Deed::Read));
  TRY(auto to, store_.admit(target, Deed::Insert));
  if (place_.is_in_same_store(to) && is_all(changeable_with(to.rights))) {
    return inner_->copy(uids, to.name, missing);
  }
  return copy_across(uids, to, missing);
}

Result<Copied> GuardedMailbox::move(std::span<const Uid> uids, const MailboxName& target,
                                    Missing missing) {
  TRY_DO(store_.check(place_, Deed::MoveAway));
  TRY(auto to, store_.admit(target, Deed::Insert));
  if (place_.is_in_same_store(to) && is_all(changeable_with(to.rights))) {
    return inner_->move(uids, to.name, missing);
  }
  TRY(auto copied, copy_across(uids, to, missing));
  auto open_target = [&to]() -> std::unique_ptr<Mailbox> {
    auto opened = to.store->open(to.name, Access::ReadWrite);
    return opened ? *std::move(opened) : nullptr;
  };
  if (!open_target()) return Error::temporary("The target can't be opened: " + to.shown.text());
  return finish_move(std::move(copied), open_target);
}

// All or none: what was copied is taken back if the rest can't be.
Result<Copied> GuardedMailbox::copy_across(std::span<const Uid> uids, SharedStore::Place& to,
                                           Missing missing) {
  Copied copied;
  std::vector<NewMessage> batch;
  std::list<std::string> texts;
  std::uint64_t octets = 0;
  auto put_batch = [&]() -> Result<void> {
    TRY_DO(put(to, batch, copied));
    batch.clear();
    texts.clear();
    octets = 0;
    return {};
  };
  auto copy_all = [&]() -> Result<void> {
    for (auto uid : uids) {
      const auto* message = inner_->find(uid);
      if (message == nullptr && missing == Missing::Skip) continue;
      if (message == nullptr) return is_gone();
      auto read = read_message(*message, to, texts.emplace_back());
      if (!read && is_expunged(read.error()) && missing == Missing::Skip) continue;
      if (!read) return std::move(read).error();
      octets += texts.back().size();
      batch.push_back(*std::move(read));
      copied.source.push_back(uid);
      if (octets < batch_octets_max) continue;
      TRY_DO(put_batch());
    }
    return put_batch();
  };
  auto done = copy_all();
  if (done) return copied;
  take_back(to, copied);
  return std::move(done).error();
}

Result<NewMessage> GuardedMailbox::read_message(const Message& message,
                                                const SharedStore::Place& to, std::string& text) {
  TRY(auto reader, inner_->open(message.uid));
  TRY(text, reader.all(message_octets_max));
  TRY(auto date, inner_->internal_date(message.uid));
  auto may = changeable_with(to.rights);
  NewMessage made;
  made.body.emplace_back(std::string_view(text));
  made.flags = message.flags - (all_flags - may.flags);
  if (may.keywords) made.keywords = inner_->keyword_names(message.keywords);
  made.internal_date = date;
  return made;
}

Result<void> GuardedMailbox::put(SharedStore::Place& to, std::vector<NewMessage>& batch,
                                 Copied& copied) {
  if (batch.empty()) return {};
  TRY(auto appended, to.store->append(to.name, batch));
  copied.uid_validity = appended.uid_validity;
  copied.target.insert(copied.target.end(), appended.uids.begin(), appended.uids.end());
  return {};
}

void GuardedMailbox::take_back(SharedStore::Place& to, const Copied& copied) {
  if (copied.target.empty()) return;
  // Else the copies come a second time when the caller repeats the command.
  (void)insist_while_locked(insist_max, [&]() -> Result<std::vector<Uid>> {
    TRY(auto opened, to.store->open(to.name, Access::ReadWrite));
    return opened->expunge(copied.target);
  });
}

}  // namespace pennypost::store
