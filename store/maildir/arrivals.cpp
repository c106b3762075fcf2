#include "store/maildir/arrivals.h"

#include <unistd.h>

#include "store/index/index.h"
#include "store/mailbox/file.h"
#include "store/maildir/filename.h"

namespace pennypost::store {

Arrival arrival_of(Draft& draft, std::string base) {
  Arrival arrival;
  arrival.base = std::move(base);
  arrival.place = [&draft](std::string_view where, const std::string& name) {
    return draft.publish(where, name);
  };
  return arrival;
}

// One call of add().
struct Arrivals::Waiting {
  struct File {
    bool in_new = false;
    std::string name;
  };

  Waiting(std::span<const Arrival> all, NoRoom for_keywords)
      : arrivals(all), no_room(for_keywords) {}

  std::span<const Arrival> arrivals;
  NoRoom no_room;
  std::vector<File> files;  // that have names in the folder
  Result<void> outcome;
  Added added;
  bool is_done = false;
};

Arrivals::Arrivals(const MaildirLayout& layout, const MailboxName& name)
    : directory_(layout.directory(name)),
      fsync_(layout.settings().fsync),
      index_(layout.settings().index),
      uidlist_(layout.uidlist(name)),
      keywords_(layout.control(name), layout.settings().brief_lock_ms) {}

Arrivals::~Arrivals() = default;

Result<Arrivals::Added> Arrivals::add(std::span<const Arrival> arrivals, NoRoom no_room) {
  Waiting mine(arrivals, no_room);
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  done_.wait(lock, [&] { return mine.is_done || !has_leader_; });
  if (!mine.is_done) {
    has_leader_ = true;
    Group group;
    group.swap(waiting_);
    lock.unlock();
    run(group);
    lock.lock();
    has_leader_ = false;
    for (auto* waiting : group) waiting->is_done = true;
    done_.notify_all();
  }
  if (!mine.outcome) return std::move(mine.outcome).error();
  return std::move(mine.added);
}

// All that were named either get UIDs or are removed again.
void Arrivals::run(const Group& group) {
  auto outcome = run_locked(group);
  if (outcome) return;
  for (auto* waiting : group) {
    take_back(*waiting);
    if (waiting->outcome) waiting->outcome = outcome.error();
  }
}

Result<void> Arrivals::run_locked(const Group& group) {
  TRY(auto lock, uidlist_.lock());
  TRY_DO(uidlist_.refresh());
  TRY_DO(keywords_.refresh());
  bool uses_new = false;
  bool uses_cur = false;
  std::vector<std::string_view> bases;
  for (auto* waiting : group) {
    std::vector<std::string> names;
    for (const auto& arrival : waiting->arrivals) {
      names.insert(names.end(), arrival.keywords.begin(), arrival.keywords.end());
    }
    if (!keywords_.all_known(names)) {
      auto known = keywords_.add(names, lock, waiting->no_room);
      if (!known) waiting->outcome = std::move(known).error();
    }
    if (waiting->outcome) waiting->outcome = name_files(*waiting);
    for (std::size_t i = 0; i < waiting->files.size(); ++i) {
      bases.push_back(waiting->arrivals[i].base);
      (waiting->files[i].in_new ? uses_new : uses_cur) = true;
    }
  }
  // The list's sync has a journal commit the new names, too, so that those of the directories then
  // find nothing left to do. A line whose file a power cut has taken stands for an expunged one.
  TRY(auto uid, uidlist_.give(bases, lock));
  if (fsync_ && uses_new) {
    TRY_DO(sync_directory(directory_ + "/new"));
  }
  if (fsync_ && uses_cur) {
    TRY_DO(sync_directory(directory_ + "/cur"));
  }
  if (first_recent() == Uid(0)) learn_first_recent(uid);
  for (auto* waiting : group) {
    waiting->added.uid_validity = uidlist_.uid_validity();
    for (std::size_t i = 0; i < waiting->files.size(); ++i) {
      waiting->added.uids.push_back(uid);
      uid = Uid(uid.value() + 1);
    }
  }
  return {};
}

// No session of this process has opened the folder yet, so these are new to all.
void Arrivals::learn_first_recent(Uid uid) {
  auto first = uid;
  if (index_ != nullptr) {
    Index::Folder folder{uidlist_.identity(), uidlist_.uid_validity()};
    auto kept = index_->first_recent(folder);
    if (kept != Uid(0)) first = kept;
    index_->note_first_recent(folder, first);
  }
  std::uint32_t unknown = 0;
  first_recent_.compare_exchange_strong(unknown, first.value());
}

// Names all files or none.
Result<void> Arrivals::name_files(Waiting& waiting) {
  Result<void> outcome;
  for (const auto& arrival : waiting.arrivals) {
    FilenameFlags flags{arrival.flags, keywords_.known(arrival.keywords)};
    bool is_plain = flags == FilenameFlags{};
    Waiting::File file{is_plain, is_plain ? arrival.base : flags.apply(arrival.base)};
    outcome = arrival.place(is_plain ? "new" : "cur", file.name);
    if (!outcome) break;
    waiting.files.push_back(std::move(file));
  }
  if (!outcome) take_back(waiting);
  return outcome;
}

void Arrivals::take_back(Waiting& waiting) {
  for (const auto& file : waiting.files) {
    ::unlink((directory_ + (file.in_new ? "/new/" : "/cur/") + file.name).c_str());
  }
  waiting.files.clear();
}

}  // namespace pennypost::store
