// Reads a Maildir folder from disk, keeps its state, and changes its files: one object for all
// sessions of a process.
//
// sync() lists new/ and cur/ only if their mtimes have changed, matches base names with
// dovecot-uidlist, and gives UIDs to files that have none. If only new/ has changed, only new/ is
// listed. Other programs rename files at any time, and readdir() may then miss a file. So the
// listing is repeated if cur/ changed meanwhile, and a message counts as expunged only when several
// listings lack it; an operation that fails with ENOENT looks for the file's new name and tries
// again. Sessions learn of UIDs in ascending order: before announcing a UID that was read after the
// listing, all lower ones not announced yet are looked for, too.
//
// A change of our own in cur/ also changes its mtime. cur/ is then not listed at once, but after
// `trust_ns`, so that a change which another program made at the same moment does not go unseen.
//
// Each session holds a View: the state as it last saw it. What one session changes or finds is
// there for the next one; a state that others hold is copied before it is changed. A process leaves
// its state of a folder in the index, and the next process starts from it: the same stamps decide
// whether it is still valid.
//
// SEE ALSO   folder.h (a session's side), folder_cache.h (which of them are kept), listing.h
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/index/modseqs.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/arrivals.h"
#include "store/maildir/folder_snapshot.h"
#include "store/maildir/folder_state.h"
#include "store/maildir/keywords.h"
#include "store/maildir/layout.h"
#include "store/maildir/listing.h"
#include "store/maildir/uidlist.h"

namespace pennypost::store {

/// Thread-safe.
class SharedFolder {
 public:
  SharedFolder(std::shared_ptr<const MaildirLayout> layout, const MailboxName& name);

  /// What one session has seen, and what it must still be told. Used by one thread at a time.
  struct View {
    std::shared_ptr<const FolderState> state;
    Changes untold;
    std::vector<std::pair<Uid, Uid>> recent;  ///< ranges of UIDs, both ends included
    bool has_recent(Uid uid) const;
  };

  /// Brings `view` up to date and returns what is new to it.
  Result<Changes> sync(View& view, Access access);
  /// Renames files according to `change` and updates `view`, also with other changes known by now.
  Result<Stored> store(View& view, std::span<const Uid> uids, const FlagChange& change);
  /// Removes files; returns those that existed, and their sizes in bytes.
  struct Removed {
    std::vector<Uid> uids;
    std::uint64_t bytes = 0;
  };
  Result<Removed> expunge(View& view, std::span<const Uid> uids);

  /// Calls `attempt` with the file's path, and again with the new path if it fails with ENOENT
  /// because another program has renamed the file. False if the file is gone. The view is not
  /// changed. This and the changes above do nothing once the UIDs of the view are void.
  Result<bool> with_file(const View& view, Uid uid,
                         const std::function<bool(const std::string& path)>& attempt,
                         std::string_view verb);
  /// Sets what octets() of the state returns from now on, unless others are using the state just
  /// now.
  void note_octets(const View& view, Uid uid, std::uint64_t octets);

  /// As Mailbox::stored_ids(), for the messages of `view`; reads the uidlist if it has such ids.
  Result<std::vector<StoredIds>> stored_ids(const View& view) const;
  /// As Mailbox::keep_unique_ids(); does nothing once the UIDs of the view are void.
  Result<void> keep_unique_ids(const View& view, std::span<const StoredIds> ids);

  /// As Mailbox::expunged_since().
  std::optional<std::vector<Uid>> expunged_since(ModSeq since) const;
  /// As Mailbox::count_on(), for all sessions.
  void count_on(View& view);

  /// Whether its directory still exists.
  bool is_there() const { return stamp_of_cur().exists(); }
  /// The identity of this folder in the index.
  Index::Folder identity() const;
  const std::string& directory() const { return directory_; }
  /// Gives new messages their names and UIDs.
  Arrivals& arrivals() { return arrivals_; }
  /// Removes old files from tmp/, if that has not been done for hours.
  void tidy();

  /// The approximate memory of the state, without waiting for other threads that use it.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  /// Saves the state in the index for the next process.
  void keep();

 private:
  // shared_folder.cpp: the state and its views
  Result<void> update(Access access, Changes& changes);
  Result<void> look(const FolderStamps& now, Access access, Changes& changes);
  void note_annotations(Changes& changes);
  void begin();
  FolderStamps take_stamps() const;
  FileStamp stamp_of_cur() const;
  FolderState& writable();
  bool is_of_now(const View& view) const;
  void catch_up(View& view);
  void show(View& view);
  void claim_recent(View& view, Access access);
  void distrust();
  void changed_cur(const FileStamp& before);

  // shared_folder_sync.cpp: reading the directories
  Result<bool> sync_new(const FolderStamps& now, const UidRecords& records, Access access,
                        Changes& changes);
  void add_new(const Listing& listing, std::span<const Listing::File* const> found,
               Changes& changes);
  bool match_new(const UidRecords& records, Listing& listing) const;
  Result<void> sync_all(FolderStamps now, UidRecords records, Access access, Changes& changes);
  Result<void> list_files(const FolderStamps& now, const UidRecords& records,
                          Listing& listing) const;
  /// Whether the state and the list have the same UIDVALIDITY.
  bool is_same_validity() const { return state_->uid_validity == uidlist_.uid_validity(); }
  bool lacks_known(Listing& listing) const;
  bool lacks_owed(const UidRecords& records, Listing& listing) const;
  Result<void> list_owed(const UidRecords& all, Listing& listing) const;
  void match_known(Listing& listing) const;
  void match(const UidRecords& records, Listing& listing) const;
  Result<void> match_all(const UidRecords& records, Listing& listing);
  Result<bool> give_uids(Listing& listing, bool is_whole);
  Result<void> drop_stale_records(Listing& listing, const Dotlock& held);
  bool make_current(Listing& listing);
  bool may_wait(const Error& error);
  Message message_of(const Listing& listing, const Listing::File& file) const;
  void adopt(const Listing& listing, Changes& changes);

  // shared_folder_change.cpp: single files
  Result<bool> locate(std::size_t index);
  Result<bool> with_known_file(std::size_t index,
                               const std::function<bool(const std::string& path)>& attempt,
                               std::string_view verb);
  Result<KeywordSet> keyword_set(const FlagChange& change);
  Result<void> store_some(std::span<const Uid> uids, const FlagChange& change, Stored& stored);
  Result<void> expunge_some(std::span<const Uid> uids, Removed& removed);
  Result<bool> store_one(std::size_t index, const FlagChange& change, KeywordSet keywords);
  Result<bool> keep_deletion(std::size_t index);
  FilenameFlags flags_of(Uid uid, std::string_view filename) const;

  std::shared_ptr<const MaildirLayout> layout_;
  std::string directory_;
  Arrivals arrivals_;
  std::atomic<std::size_t> bytes_{0};

  mutable std::mutex mutex_;  // guards all that follows
  bool begun_ = false;
  std::shared_ptr<FolderState> state_;
  FolderStamps stamps_;  // when the state was read
  bool listed_ = false;  // false: nothing is known yet
  UidList uidlist_;      // read as far as it is reflected in the state
  KeywordFile keywords_;
  ModSeqs modseqs_;
  std::vector<Uid> in_new_;  // messages that are still in new/
  std::vector<Uid> moved_;   // messages that sync() has just moved from there
  /// Messages with \Deleted that could not be renamed, as the directory had no space; ascending.
  std::vector<Uid> unnamed_deletions_;
  bool is_kept_ = false;  // the index has this state
  std::int64_t tidied_at_ = 0;
  std::int64_t told_no_room_at_ = 0;
};

}  // namespace pennypost::store
