// Gives names and UIDs to new messages in groups: additions to one folder by several sessions at
// the same time cost one lock and one sync.
//
// One session takes the uidlist's lock, names the files of all waiting sessions, appends to the
// uidlist once, and syncs the directories once. So the more sessions add messages at a time, the
// less each message costs. Each addition is all or nothing, and durable when add() returns.
//
// SEE ALSO   draft.h (a message's file), shared_folder.h (which owns one)
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/maildir/draft.h"
#include "store/maildir/keywords.h"
#include "store/maildir/layout.h"
#include "store/maildir/uidlist.h"

namespace pennypost::store {

/// One message to be named.
struct Arrival {
  std::string base;  ///< the file's name without flags
  Flags flags;
  std::vector<std::string> keywords;
  /// Puts the file into `where` ("new" or "cur") under `name`. Called once, perhaps by another
  /// thread, while add() waits; must not wait for others.
  std::function<Result<void>(std::string_view where, const std::string& name)> place;
};

/// An arrival that publishes `draft`, which must stay where it is in memory.
Arrival arrival_of(Draft& draft, std::string base);

/// Belongs to one folder. Thread-safe.
class Arrivals {
 public:
  Arrivals(const MaildirLayout& layout, const MailboxName& name);
  ~Arrivals();

  struct Added {
    std::uint32_t uid_validity = 0;
    std::vector<Uid> uids;  ///< in the order given
  };
  /// A message without flags and keywords goes to new/, where names can't hold any.
  Result<Added> add(std::span<const Arrival> arrivals, NoRoom no_room = NoRoom::Refuse);

  /// The least UID that no session has seen; 0: not known. Messages from there on are \Recent for
  /// the next session that sees them (RFC 3501 section 2.3.2), wherever their files are.
  Uid first_recent() const { return Uid(first_recent_.load()); }
  void set_first_recent(Uid uid) { first_recent_.store(uid.value()); }

 private:
  struct Waiting;
  using Group = std::vector<Waiting*>;
  void run(const Group& group);
  Result<void> run_locked(const Group& group);
  Result<void> name_files(Waiting& waiting);
  void take_back(Waiting& waiting);
  void learn_first_recent(Uid uid);

  std::string directory_;
  bool fsync_;
  Index* index_;
  std::atomic<std::uint32_t> first_recent_{0};

  std::mutex mutex_;  // guards the two that follow
  std::condition_variable done_;
  Group waiting_;
  bool has_leader_ = false;

  // Used only by the leader:
  UidList uidlist_;
  KeywordFile keywords_;
};

}  // namespace pennypost::store
