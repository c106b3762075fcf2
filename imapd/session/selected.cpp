#include "imapd/session/selected.h"

#include <algorithm>
#include <functional>

#include "imapd/response/strings.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {

using store::Uid;

namespace {

// A line takes 60 octets or so.
constexpr std::size_t lines_at_once = 10'000;

}  // namespace

Selected::Selected(std::unique_ptr<store::Mailbox> mailbox) : mailbox_(std::move(mailbox)) {
  auto messages = mailbox_->messages();
  view_.reserve(messages.size());
  for (const auto& message : messages) view_.push_back(message.uid);
  told_exists_ = exists();
  told_recent_ = recent();
  note_whole();
  told_modseq_ = noted_modseq_;
}

std::string Selected::introduction() {
  const auto& box = *mailbox_;
  std::string out = flags_line(box.keywords());
  told_flags_ = std::hash<std::string>()(out);
  out +=
      permanent_flags_line(box.keywords(), is_read_only(), box.may_add_keyword(), box.changeable());
  out += exists_line(told_exists_);
  if (!reporting_.rev2) out += recent_line(told_recent_);
  auto unseen = std::ranges::find_if(
      box.messages(), [](const store::Message& m) { return !m.flags.has(store::Flags::Seen); });
  bool tells_unseen = !reporting_.rev2 && !reporting_.uid_only;
  if (tells_unseen && unseen != box.messages().end()) {
    auto number = std::to_string(unseen - box.messages().begin() + 1);
    out += "* OK [UNSEEN " + number + "] First unseen.\r\n";
  }
  out += "* OK [UIDVALIDITY " + std::to_string(box.uid_validity()) + "] UIDs valid\r\n";
  out += "* OK [UIDNEXT " + std::to_string(box.uid_next().value()) + "] Predicted next UID\r\n";
  out += highest_modseq_line(box.highest_modseq());
  if (auto id = box.id(); !id.empty()) out += "* OK [MAILBOXID (" + id + ")] Mailbox ID\r\n";
  return out;
}

std::uint32_t Selected::recent() const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(view_, [this](Uid uid) { return mailbox_->is_recent(uid); }));
}

void Selected::note(const store::Changes& changes) {
  for (auto uid : changes.added) {
    if (view_.empty() || view_.back() < uid) view_.push_back(uid);
  }
  flags_.insert(flags_.end(), changes.flags.begin(), changes.flags.end());
  note_expunged(changes.expunged);
  keywords_ = keywords_ || changes.keywords;
  annotated_ = annotated_ || changes.annotations;
}

void Selected::note_expunged(const std::vector<Uid>& uids) {
  for (auto uid : uids) {
    if (number_of(uid)) expunged_.push_back(uid);
  }
}

bool Selected::has_news(bool with_expunges) const {
  return keywords_ || (!flags_.empty() && !keeps_flags_back_) || exists() != told_exists_ ||
         (with_expunges && !expunged_.empty());
}

std::size_t Selected::telling_cost() const {
  auto cost = flags_.size() + expunged_.size();
  // \Recent messages are counted anew for that.
  if (exists() != told_exists_ || !expunged_.empty()) cost += view_.size() / 64;
  return cost;
}

std::string Selected::tell(bool with_expunges, bool with_uid) {
  std::string out;
  if (keywords_) tell_keywords(out);
  if (!keeps_flags_back_ && !tell_flags(out, with_uid)) return out;
  bool has_shrunk = with_expunges && !expunged_.empty();
  if (with_expunges) tell_expunges(out);
  if (exists() != told_exists_) {
    if (is_followed())
      told_.added.insert(told_.added.end(), view_.begin() + told_exists_, view_.end());
    told_exists_ = exists();
    out += exists_line(told_exists_);
    tell_recent(out);
  } else if (has_shrunk && told_recent_ > 0 && recent() != told_recent_) {
    tell_recent(out);
  }
  // Not the mailbox's own: a change of this session counts further than what it knows of others.
  if (expunged_.empty() && flags_.empty()) told_modseq_ = noted_modseq_;
  return out;
}

void Selected::tell_recent(std::string& out) {
  told_recent_ = recent();
  if (!reporting_.rev2) out += recent_line(told_recent_);
}

void Selected::note_told_flags(std::span<const Uid> uids) {
  if (is_followed()) told_.flags.insert(told_.flags.end(), uids.begin(), uids.end());
}

std::string Selected::held_back_line(bool is_behind) const {
  if (!reporting_.vanished || (expunged_.empty() && !is_behind)) return "";
  return highest_modseq_line(told_modseq_);
}

std::string Selected::annotated_line() {
  bool knows_all = expunged_.empty() && flags_.empty() && exists() == told_exists_;
  if (!annotated_ || !reporting_.modseqs || !knows_all) return "";
  annotated_ = false;
  told_modseq_ = noted_modseq_;
  return highest_modseq_line(told_modseq_);
}

bool Selected::lacks_keywords() const {
  return std::hash<std::string>()(flags_line(mailbox_->keywords())) != told_flags_;
}

void Selected::tell_keywords(std::string& out) {
  // Keywords that a STORE has told already are found by sync() once more.
  auto line = flags_line(mailbox_->keywords());
  auto hash = std::hash<std::string>()(line);
  if (hash != told_flags_) {
    out += line;
    out += permanent_flags_line(mailbox_->keywords(), is_read_only(), mailbox_->may_add_keyword(),
                                mailbox_->changeable());
  }
  told_flags_ = hash;
  keywords_ = false;
}

// False while more are to be told.
bool Selected::tell_flags(std::string& out, bool with_uid) {
  if (flags_told_ == 0) {
    std::ranges::sort(flags_);
    flags_.erase(std::unique(flags_.begin(), flags_.end()), flags_.end());
  }
  auto end = std::min(flags_.size(), flags_told_ + lines_at_once);
  for (; flags_told_ < end; ++flags_told_) {
    // A message that the client does not know yet is announced by EXISTS; the client will ask.
    auto uid = flags_[flags_told_];
    auto number = number_of(uid);
    if (!number || *number > told_exists_) continue;
    out += flags_of(uid, with_uid);
    if (is_followed()) told_.flags.push_back(uid);
  }
  if (flags_told_ < flags_.size()) return false;
  flags_ = {};
  flags_told_ = 0;
  return true;
}

void Selected::tell_expunges(std::string& out) {
  if (expunged_.empty()) return;
  std::ranges::sort(expunged_);
  expunged_.erase(std::unique(expunged_.begin(), expunged_.end()), expunged_.end());
  if (follower_) out += follower_->leave(*this, expunged_);
  // What was never announced to this client is nothing to report.
  auto is_known = [this](Uid uid) { return number_of(uid).value_or(UINT32_MAX) <= told_exists_; };
  if (reporting_.vanished || reporting_.uid_only) {
    RangeBuilder builder;
    for (auto uid : expunged_) {
      if (is_known(uid)) builder.add(uid.value());
    }
    if (!builder.ranges().empty()) out += vanished_line(builder.ranges(), false);
  } else {
    // From the highest number down, so that no line changes the number of the next.
    std::for_each(expunged_.rbegin(), expunged_.rend(), [&](Uid uid) {
      if (is_known(uid)) out += expunge_line(*number_of(uid));
    });
  }
  auto gone = [this](Uid uid) { return std::ranges::binary_search(expunged_, uid); };
  auto known = view_.begin() + told_exists_;
  told_exists_ -= static_cast<std::uint32_t>(std::count_if(view_.begin(), known, gone));
  std::erase_if(view_, gone);
  expunged_ = {};
}

std::optional<std::uint32_t> Selected::number_of(Uid uid) const {
  auto at = std::ranges::lower_bound(view_, uid);
  if (at == view_.end() || *at != uid) return std::nullopt;
  return static_cast<std::uint32_t>(at - view_.begin() + 1);
}

Result<std::vector<NumberRange>> Selected::numbers(const SequenceSet& set, bool are_uids) const {
  // RFC 5182 section 2.1: `$` names messages, in any command. What is gone is no longer among them.
  if (set.is_saved_result()) {
    RangeBuilder saved;
    for (auto uid : saved_result_) {
      if (auto number = number_of(uid)) saved.add(*number);
    }
    return saved.ranges();
  }
  if (!are_uids) {
    // RFC 9051 section 9: a number above the last message is an error; clients do ask an empty
    // mailbox for 1:*, and for N:* where N has just been expunged.
    if (set.largest_number() > exists() && !set.has_star())
      return Error(501, "Invalid message number");
    auto ranges = set.resolve(exists());
    std::erase_if(ranges, [this](NumberRange range) { return range.first > exists(); });
    for (auto& range : ranges) range.last = std::min(range.last, exists());
    return ranges;
  }
  std::vector<NumberRange> out;
  if (view_.empty()) return out;
  for (auto [first, last] : set.resolve(view_.back().value())) {
    auto from = std::ranges::lower_bound(view_, Uid(first));
    auto to = std::upper_bound(from, view_.end(), Uid(last));
    if (from == to) continue;
    out.push_back({static_cast<std::uint32_t>(from - view_.begin() + 1),
                   static_cast<std::uint32_t>(to - view_.begin())});
  }
  return merged(std::move(out));
}

std::vector<Uid> Selected::uids(std::span<const std::uint32_t> numbers) const {
  std::vector<Uid> out;
  out.reserve(numbers.size());
  for (auto number : numbers) out.push_back(uid_of(number));
  return out;
}

std::vector<Uid> Selected::uids(const std::vector<NumberRange>& numbers) const {
  std::vector<Uid> out;
  out.reserve(count(numbers));
  for (auto range : numbers) {
    for (auto number = range.first; number <= range.last; ++number) out.push_back(uid_of(number));
  }
  return out;
}

std::string Selected::flags_of(Uid uid, bool with_uid) const {
  return fetch_line(uid, with_uid, true);
}

std::string Selected::modseq_of(Uid uid) const { return fetch_line(uid, true, false); }

// RFC 7162 section 3.2.4: UID and MODSEQ are in all such lines once CONDSTORE is enabled.
std::string Selected::fetch_line(Uid uid, bool with_uid, bool with_flags) const {
  const auto* message = mailbox_->find(uid);
  auto number = number_of(uid);
  if (message == nullptr || !number) return "";
  auto out = fetch_head(*number, uid, reporting_.uid_only);
  bool tells_uid = (with_uid || reporting_.modseqs) && !reporting_.uid_only;
  if (tells_uid) out += "UID " + std::to_string(uid.value()) + ' ';
  if (with_flags) {
    out += "FLAGS ";
    append_list(out, flag_names(message->flags, !reporting_.rev2 && mailbox_->is_recent(uid),
                                mailbox_->keyword_names(message->keywords)));
  }
  if (with_flags && reporting_.modseqs) out += ' ';
  if (reporting_.modseqs) out += "MODSEQ (" + std::to_string(message->modseq.value()) + ')';
  return out + ")\r\n";
}

}  // namespace pennypost::imap
