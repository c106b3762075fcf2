#include "smtpd/queue/group_commit.h"

#include <algorithm>

namespace pennypost::smtp {
namespace {

bool can_wait(const CommitEntry& entry) { return entry.kind == CommitEntry::Kind::CanWait; }

}  // namespace

void GroupCommit::add(std::shared_ptr<CommitEntry> entry) {
  std::lock_guard lock(mutex_);
  if (!can_wait(*entry)) ++urgent_;
  entries_.push_back(std::move(entry));
  if (expected_ > 0 && urgent_ >= expected_) {
    expected_ = 0;
    enough_.notify_one();
  }
}

void GroupCommit::put_back(const CommitEntries& entries) {
  std::lock_guard lock(mutex_);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!can_wait(**entry)) ++urgent_;
    entries_.push_front(*entry);
  }
}

bool GroupCommit::empty() const {
  std::lock_guard lock(mutex_);
  return entries_.empty();
}

bool GroupCommit::is_urgent() const {
  std::lock_guard lock(mutex_);
  return urgent_ > 0;
}

bool GroupCommit::is_quick(std::chrono::microseconds limit) const {
  std::lock_guard lock(mutex_);
  if (last_took_ >= limit) return false;
  std::size_t bytes = 0;
  for (const auto& entry : entries_) {
    bytes += entry->changes.bytes();
    if (bytes > quick_bytes_max || entry->changes.has_files()) return false;
  }
  return true;
}

CommitEntries GroupCommit::take_intake() {
  std::lock_guard lock(mutex_);
  CommitEntries taken;
  std::erase_if(entries_, [&](auto& entry) {
    if (entry->kind != CommitEntry::Kind::Intake) return false;
    taken.push_back(std::move(entry));
    return true;
  });
  urgent_ -= taken.size();
  return taken;
}

/// How long to wait for more changes.
std::chrono::microseconds GroupCommit::gather_time(Time now) const {
  if (now - last_end_ > gather_memory) return std::chrono::microseconds(0);
  if (urgent_ == 0 || urgent_ >= std::max(last_batch_, batch_before_)) {
    return std::chrono::microseconds(0);
  }
  return std::min(gather_max, last_took_ / gather_share);
}

void GroupCommit::wait_for_others() {
  std::unique_lock lock(mutex_);
  auto wait = gather_time(std::chrono::steady_clock::now());
  if (wait.count() == 0) return;
  expected_ = std::max(last_batch_, batch_before_);
  enough_.wait_for(lock, wait, [this] { return expected_ == 0; });
  expected_ = 0;
}

CommitEntries GroupCommit::take() {
  std::lock_guard lock(mutex_);
  CommitEntries taken;
  std::size_t bytes = 0;
  std::size_t urgent = 0;
  while (!entries_.empty()) {
    bytes += entries_.front()->changes.bytes();
    if (!taken.empty() && bytes > batch_bytes_max) break;
    if (!can_wait(*entries_.front())) ++urgent;
    taken.push_back(std::move(entries_.front()));
    entries_.pop_front();
  }
  urgent_ -= urgent;
  batch_before_ = std::exchange(last_batch_, urgent);
  return taken;
}

void GroupCommit::note_commit(std::chrono::microseconds took) {
  std::lock_guard lock(mutex_);
  last_took_ = took;
  last_end_ = std::chrono::steady_clock::now();
}

}  // namespace pennypost::smtp
