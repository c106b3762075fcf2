#include "store/maildir/shared_folder.h"

#include <algorithm>
#include <iterator>

#include "store/index/index.h"
#include "store/maildir/draft.h"

namespace pennypost::store {
namespace {

constexpr std::int64_t trust_ns = 10'000'000'000;
constexpr std::int64_t tidy_seconds = 3 * 3600;

// Adds [first, last] to ascending ranges, usually at the end.
void add_range(std::vector<std::pair<Uid, Uid>>& ranges, Uid first, Uid last) {
  if (first > last) return;
  if (!ranges.empty() && ranges.back().second.value() + 1 == first.value()) {
    ranges.back().second = last;
    return;
  }
  ranges.emplace_back(first, last);
  if (ranges.size() > 1 && ranges[ranges.size() - 2].first > first) std::ranges::sort(ranges);
}

}  // namespace

SharedFolder::SharedFolder(std::shared_ptr<const MaildirLayout> layout, const MailboxName& name)
    : layout_(std::move(layout)),
      directory_(layout_->directory(name)),
      arrivals_(*layout_, name),
      state_(std::make_shared<FolderState>()),
      uidlist_(layout_->uidlist(name)),
      keywords_(layout_->control(name), layout_->settings().brief_lock_ms),
      modseqs_(layout_->settings().index, *layout_->settings().clock) {}

bool SharedFolder::View::has_recent(Uid uid) const {
  auto behind = std::ranges::upper_bound(recent, uid, {}, &std::pair<Uid, Uid>::first);
  return behind != recent.begin() && uid <= std::prev(behind)->second;
}

Result<Changes> SharedFolder::sync(View& view, Access access) {
  std::lock_guard guard(mutex_);
  bool is_first = view.state == nullptr;
  catch_up(view);
  view.untold.waiting = false;
  auto updated = update(access, view.untold);
  show(view);
  if (!updated) return std::move(updated).error();
  if (view.untold.uid_validity) view.recent.clear();
  claim_recent(view, access);
  auto changes = std::exchange(view.untold, {});
  if (!is_first) return changes;
  Changes none;
  none.waiting = changes.waiting;
  return none;
}

// Whether the view's UIDs are still valid: under another UIDVALIDITY a UID means another message.
bool SharedFolder::is_of_now(const View& view) const {
  return view.state == nullptr || view.state->uid_validity == state_->uid_validity;
}

// Collects the changes for the view and releases its reference to the state, until show().
void SharedFolder::catch_up(View& view) {
  if (view.state) follow(view.untold, difference(*view.state, *state_));
  view.state.reset();
}

void SharedFolder::show(View& view) {
  view.state = state_;
  bytes_.store(state_->bytes(), std::memory_order_relaxed);
}

// Others take references to the state under the mutex, but release them without it.
FolderState& SharedFolder::writable() {
  if (state_.use_count() > 1) {
    state_ = std::make_shared<FolderState>(*state_);
  } else {
    std::atomic_thread_fence(std::memory_order_acquire);
  }
  is_kept_ = false;
  return *state_;
}

Result<void> SharedFolder::update(Access access, Changes& changes) {
  begin();
  auto now = take_stamps();
  bool must_move = access == Access::ReadWrite && !in_new_.empty();
  bool is_known = listed_ && stamps_.tell_all_is_known(now) && !must_move;
  auto looked = is_known ? Result<void>() : look(now, access, changes);
  if (looked) {
    note_annotations(changes);
  } else {
    distrust();
  }
  return looked;
}

// Whoever has changed them: another session, an admin's command, the worker of another user.
void SharedFolder::note_annotations(Changes& changes) {
  if (layout_->settings().index == nullptr) return;
  auto file = FileStamp::of(directory_ + std::string(MaildirLayout::annotations_name));
  if (!modseqs_.note_annotations(file)) return;
  auto& state = writable();
  state.highest = modseqs_.highest();
  ++state.annotated;
  changes.annotations = true;
}

void SharedFolder::count_on(View& view) {
  std::lock_guard guard(mutex_);
  if (!is_of_now(view) || layout_->settings().index == nullptr) return;
  catch_up(view);
  modseqs_.count_on();
  auto& state = writable();
  state.highest = modseqs_.highest();
  ++state.annotated;
  show(view);
}

// The uidlist is read before the files, so that the listing has a file for each record in it,
// unless the message was expunged.
Result<void> SharedFolder::look(const FolderStamps& now, Access access, Changes& changes) {
  TRY_DO(keywords_.refresh());
  if (keywords_.names() != state_->keywords) {
    writable().keywords = keywords_.names();
    changes.keywords = true;
  }
  uidlist_.leave_memory_if_room();
  TRY(auto records, uidlist_.refresh());
  if (listed_ && stamps_.tell_cur_is_known(now) && !records.anew) {
    auto read = uidlist_.stamp();
    TRY(bool done, sync_new(now, records, access, changes));
    if (done) return {};
    // sync_new() has read records that `records` lacks.
    if (uidlist_.stamp() != read) {
      TRY(records, uidlist_.reread());
    }
  }
  return sync_all(now, std::move(records), access, changes);
}

Result<std::vector<StoredIds>> SharedFolder::stored_ids(const View& view) const {
  std::lock_guard guard(mutex_);
  std::vector<StoredIds> ids;
  if (!uidlist_.mark().has_ids) return ids;
  UidList list(uidlist_.directory(), {});
  TRY(auto records, list.refresh());
  if (list.uid_validity() != view.state->uid_validity) return ids;
  for (const auto& record : records.all) {
    if (record.extensions.empty() || !view.state->index_of(record.uid)) continue;
    StoredIds found{record.uid, std::string(record.extension_text('P')),
                    std::string(record.extension_text('G'))};
    if (!found.unique_id.empty() || !found.guid.empty()) ids.push_back(std::move(found));
  }
  return ids;
}

// The list is read and written by an object of its own: what others have appended must still reach
// the state, at the next sync().
Result<void> SharedFolder::keep_unique_ids(const View& view, std::span<const StoredIds> ids) {
  std::lock_guard guard(mutex_);
  if (uidlist_.is_in_memory()) return {};
  TRY(auto held, uidlist_.lock());
  UidList list(uidlist_.directory(), {});
  TRY_DO(list.refresh());
  if (list.uid_validity() != view.state->uid_validity) return {};
  return list.keep_unique_ids(ids, held);
}

// Starts from the state that the last process has left in the index.
void SharedFolder::begin() {
  if (begun_) return;
  begun_ = true;
  auto* index = layout_->settings().index;
  if (index == nullptr) return;
  auto kept = FolderSnapshot::decode(index->state(directory_));
  if (!kept) return;
  uidlist_.resume(std::move(kept->uidlist));
  stamps_ = kept->stamps;
  listed_ = true;
  auto& state = kept->state;
  modseqs_.name_folder(uidlist_.identity(), uidlist_.uid_validity());
  if (!modseqs_.resume(state.highest)) modseqs_.load(state.messages);
  state.highest = modseqs_.highest();
  for (std::size_t i = 0; i < state.messages.size(); ++i) {
    if (state.in_new(i)) in_new_.push_back(state.messages[i].uid);
  }
  *state_ = std::move(state);
  arrivals_.set_first_recent(index->first_recent(modseqs_.folder()));
  is_kept_ = true;
}

void SharedFolder::keep() {
  std::lock_guard guard(mutex_);
  auto* index = layout_->settings().index;
  if (uidlist_.is_in_memory()) return;
  if (index == nullptr || is_kept_ || !listed_ || !stamps_.cur.exists()) return;
  index->keep_state(directory_, FolderSnapshot::encode(stamps_, uidlist_.mark(), *state_));
  is_kept_ = true;
}

// After a failure halfway, so that everything is read again.
void SharedFolder::distrust() {
  stamps_ = FolderStamps{};
  uidlist_.resume({});
}

FolderStamps SharedFolder::take_stamps() const {
  FolderStamps stamps;
  stamps.taken_at_ns = wall_clock_ns();
  stamps.fresh = FileStamp::of(directory_ + "/new");
  stamps.cur = stamp_of_cur();
  stamps.uidlist = FileStamp::of(uidlist_.path());
  stamps.keywords = FileStamp::of(keywords_.path());
  return stamps;
}

FileStamp SharedFolder::stamp_of_cur() const { return FileStamp::of(directory_ + "/cur"); }

// Called after our own changes in cur/; `before` is its stamp from just before them.
void SharedFolder::changed_cur(const FileStamp& before) {
  auto after = stamp_of_cur();
  bool was_known = listed_ && before == stamps_.cur &&
                   (stamps_.list_again_at_ns != 0 || stamps_.cur.settled(stamps_.taken_at_ns));
  if (!was_known || after == before) return;
  stamps_.cur = after;
  if (stamps_.list_again_at_ns == 0) stamps_.list_again_at_ns = wall_clock_ns() + trust_ns;
  is_kept_ = false;
}

// RFC 3501 section 2.3.2: messages are \Recent for the first session that may change the folder. A
// session that only reads also sees them as \Recent, and leaves them so for others.
void SharedFolder::claim_recent(View& view, Access access) {
  auto next = state_->uid_next;
  auto first = arrivals_.first_recent();
  bool is_known = first != Uid(0);
  if (!is_known) first = next;
  Uid last(next.value() - 1);
  if (access == Access::ReadOnly) {
    if (!view.recent.empty()) first = std::max(first, Uid(view.recent.back().second.value() + 1));
    for (auto uid : in_new_) {
      if (uid < first && !view.has_recent(uid)) add_range(view.recent, uid, uid);
    }
    add_range(view.recent, first, last);
    return;
  }
  for (auto uid : std::exchange(moved_, {})) {
    if (uid < first) add_range(view.recent, uid, uid);
  }
  add_range(view.recent, first, last);
  if (is_known && first == next) return;
  arrivals_.set_first_recent(next);
  if (auto* index = layout_->settings().index) index->note_first_recent(modseqs_.folder(), next);
}

std::optional<std::vector<Uid>> SharedFolder::expunged_since(ModSeq since) const {
  std::lock_guard guard(mutex_);
  return modseqs_.expunged_since(since);
}

Index::Folder SharedFolder::identity() const {
  std::lock_guard guard(mutex_);
  return modseqs_.folder();
}

void SharedFolder::note_octets(const View& view, Uid uid, std::uint64_t octets) {
  std::lock_guard guard(mutex_);
  // Not worth copying the state, so only done if nobody else holds it.
  if (view.state != state_ || state_.use_count() > 2) return;
  std::atomic_thread_fence(std::memory_order_acquire);
  if (auto index = state_->index_of(uid)) state_->note_octets(*index, octets);
}

void SharedFolder::tidy() {
  {
    std::lock_guard guard(mutex_);
    auto now = layout_->settings().clock->now_seconds();
    if (tidied_at_ != 0 && now < tidied_at_ + tidy_seconds) return;
    tidied_at_ = now;
  }
  remove_old_drafts(directory_, *layout_->settings().clock);
}

}  // namespace pennypost::store
