#include "store/mailbox/logged_mailbox.h"

#include <algorithm>
#include <map>

namespace pennypost::store {
namespace {

/// The flags of a message that a STORE may change.
struct FlagsBefore {
  Flags flags;
  KeywordSet keywords = 0;
};

}  // namespace

LoggedMailbox::Known LoggedMailbox::look_at(std::span<const Uid> uids, bool is_wanted) {
  Known known;
  if (!is_wanted) return known;
  for (Uid uid : uids.first(std::min(uids.size(), MailEvents::lines_max))) {
    if (inner_->find(uid) != nullptr) known.push_back(events_.facts_of(*inner_, uid));
  }
  std::ranges::sort(known, {}, &MailEvents::Facts::uid);
  return known;
}

Result<Stored> LoggedMailbox::store(std::span<const Uid> uids, const FlagChange& change) {
  bool is_wanted = events_.wants(Event::Delete) || events_.wants(Event::Undelete) ||
                   events_.wants(Event::FlagChange);
  if (!is_wanted) return inner_->store(uids, change);
  std::map<Uid, FlagsBefore> before;
  for (Uid uid : uids) {
    if (const auto* message = inner_->find(uid); message != nullptr) {
      before[uid] = {message->flags, message->keywords};
    }
  }
  auto stored = inner_->store(uids, change);
  if (!stored) return stored;
  const auto& box = name().text();
  std::size_t told = 0;
  std::size_t untold = 0;
  for (Uid uid : stored->changed) {
    const auto* now = inner_->find(uid);
    auto known = before.find(uid);
    if (now == nullptr || known == before.end()) continue;
    const Flags old = known->second.flags;
    bool was_deleted = old.has(Flags::Deleted);
    bool is_deleted = now->flags.has(Flags::Deleted);
    bool has_other = now->flags - Flags::Deleted != old - Flags::Deleted ||
                     now->keywords != known->second.keywords;
    std::vector<std::string_view> happened;
    if (is_deleted && !was_deleted && events_.wants(Event::Delete)) happened.push_back("delete");
    if (was_deleted && !is_deleted && events_.wants(Event::Undelete))
      happened.push_back("undelete");
    if (has_other && events_.wants(Event::FlagChange)) happened.push_back("flag_change");
    if (happened.empty()) continue;
    if (++told > MailEvents::lines_max) {
      ++untold;
      continue;
    }
    auto facts = events_.facts_of(*inner_, uid);
    for (auto event : happened) events_.tell(event, "", box, facts);
  }
  events_.tell_rest("flag_change", box, untold);
  return stored;
}

Result<std::vector<Uid>> LoggedMailbox::expunge(std::span<const Uid> uids) {
  auto known = look_at(uids, events_.wants(Event::Expunge));
  auto gone = inner_->expunge(uids);
  if (gone) tell_expunged(known, *gone);
  return gone;
}

void LoggedMailbox::tell_expunged(const Known& known, const std::vector<Uid>& gone) const {
  if (!events_.wants(Event::Expunge)) return;
  std::size_t told = 0;
  for (Uid uid : gone) {
    auto facts = std::ranges::lower_bound(known, uid, {}, &MailEvents::Facts::uid);
    if (facts == known.end() || facts->uid != uid) continue;
    events_.tell("expunge", "", name().text(), *facts);
    ++told;
  }
  events_.tell_rest("expunge", name().text(), gone.size() - told);
}

Result<Copied> LoggedMailbox::copy(std::span<const Uid> uids, const MailboxName& target,
                                   Missing missing) {
  auto known = look_at(uids, events_.wants(Event::Copy));
  auto copied = inner_->copy(uids, target, missing);
  if (copied) tell_copied(known, target, *copied);
  return copied;
}

Result<Copied> LoggedMailbox::move(std::span<const Uid> uids, const MailboxName& target,
                                   Missing missing) {
  auto known = look_at(uids, events_.wants(Event::Copy) || events_.wants(Event::Expunge));
  auto moved = inner_->move(uids, target, missing);
  if (moved) tell_copied(known, target, *moved);
  if (moved) tell_expunged(known, moved->source);
  return moved;
}

/// The uid is the copy's.
void LoggedMailbox::tell_copied(const Known& known, const MailboxName& target,
                                const Copied& copied) const {
  if (!events_.wants(Event::Copy)) return;
  std::size_t told = 0;
  for (std::size_t i = 0; i < copied.source.size() && i < copied.target.size(); ++i) {
    auto facts = std::ranges::lower_bound(known, copied.source[i], {}, &MailEvents::Facts::uid);
    if (facts == known.end() || facts->uid != copied.source[i]) continue;
    auto of_copy = *facts;
    of_copy.uid = copied.target[i];
    events_.tell("copy", name().text(), target.text(), of_copy);
    ++told;
  }
  events_.tell_rest("copy", target.text(), copied.source.size() - told);
}

}  // namespace pennypost::store
