#include "imapd/session/resync.h"

#include <algorithm>

#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using store::ModSeq;
using store::Uid;

// The numbers in ranges that are not in `view`, as ranges.
std::vector<NumberRange> without(const std::vector<NumberRange>& ranges,
                                 const std::vector<Uid>& view) {
  std::vector<NumberRange> out;
  for (auto [first, last] : ranges) {
    auto at = std::ranges::lower_bound(view, Uid(first));
    auto next = first;
    for (; at != view.end() && at->value() <= last; ++at) {
      if (at->value() > next) out.push_back({next, at->value() - 1});
      next = at->value() + 1;
    }
    if (next <= last && next >= first) out.push_back({next, last});
  }
  return out;
}

// RFC 7162 section 3.2.5.2: the client knows of all expunges up to the last message that has the
// number and the UID that it remembers. 0: none has.
std::uint32_t matched_uid(const Selected& selected, const Resync& resync) {
  auto numbers = resync.numbers.resolve(0);
  auto uids = resync.uids.resolve(0);
  std::uint32_t matched = 0;
  std::size_t range = 0;
  std::uint32_t within = 0;
  for (auto [first, last] : numbers) {
    for (auto number = first; number <= std::min(last, selected.exists()); ++number) {
      if (range == uids.size()) return matched;
      auto uid = uids[range].first + within;
      if (selected.uid_of(number).value() != uid) return matched;
      matched = uid;
      bool is_last = uid == uids[range].last;
      within = is_last ? 0 : within + 1;
      if (is_last) ++range;
    }
    if (last > selected.exists()) return matched;
  }
  return matched;
}

}  // namespace

std::vector<NumberRange> changed_since(Selected& selected, const std::vector<NumberRange>& numbers,
                                       ModSeq since) {
  RangeBuilder changed;
  auto messages = selected.mailbox().messages();
  auto at = messages.begin();
  for (auto [first, last] : numbers) {
    for (auto number = first; number <= last; ++number) {
      auto uid = selected.uid_of(number);
      at = std::lower_bound(at, messages.end(), uid, [](const store::Message& message, Uid wanted) {
        return message.uid < wanted;
      });
      if (at != messages.end() && at->uid == uid && at->modseq > since) changed.add(number);
    }
  }
  return changed.ranges();
}

std::vector<NumberRange> vanished_since(Selected& selected, const std::vector<NumberRange>& known,
                                        ModSeq since) {
  std::vector<NumberRange> asked;
  auto last_uid = selected.mailbox().uid_next().value() - 1;
  for (auto [first, last] : known) {
    if (first <= last_uid) asked.push_back({first, std::min(last, last_uid)});
  }
  auto remembered = selected.mailbox().expunged_since(since);
  if (!remembered) return without(asked, selected.view());
  RangeBuilder gone;
  std::uint32_t last = 0;
  for (auto uid : *remembered) {
    bool is_new = uid.value() > last && contains(asked, uid.value()) && !selected.number_of(uid);
    if (is_new) gone.add(uid.value());
    last = std::max(last, uid.value());
  }
  return gone.ranges();
}

std::string resync_lines(Selected& selected, const Resync& resync) {
  auto& mailbox = selected.mailbox();
  if (mailbox.uid_validity() != resync.uid_validity) return "";
  // A mod-sequence that we have not given yet comes from a clock that was wrong: nothing is known.
  ModSeq since(resync.modseq <= mailbox.highest_modseq().value() ? resync.modseq : 0);
  auto last_uid = mailbox.uid_next().value() - 1;
  std::vector<NumberRange> known;
  if (resync.known) {
    known = resync.known->resolve(last_uid);
  } else if (last_uid > 0) {
    known.push_back({1, last_uid});
  }
  std::string out;
  auto matched = matched_uid(selected, resync);
  auto unmatched = known;
  std::erase_if(unmatched, [&](NumberRange range) { return range.last <= matched; });
  if (!unmatched.empty()) {
    unmatched.front().first = std::max(unmatched.front().first, matched + 1);
  }
  if (auto gone = vanished_since(selected, unmatched, since); !gone.empty()) {
    out += vanished_line(gone, true);
  }
  std::vector<NumberRange> all;
  if (selected.exists() > 0) all.push_back({1, selected.exists()});
  for (auto [first, last] : changed_since(selected, all, since)) {
    for (auto number = first; number <= last; ++number) {
      auto uid = selected.uid_of(number);
      if (contains(known, uid.value())) out += selected.flags_of(uid, true);
    }
  }
  return out;
}

}  // namespace pennypost::imap
