// Caches what can be computed from mail: mod-sequences, and values that a session would otherwise
// compute again.
//
// One RocksDB for many folders, owned by one process (imapd's worker). All of it can be rebuilt: if
// the database can't be opened, is damaged, or is removed while the server runs, sessions go on
// without it, a warning is logged, and it is rebuilt. Hence no function here fails.
//
// A message gets a new mod-sequence when a session finds that it differs from the index; all
// sessions of the process thus see the same one. A mod-sequence is at least seconds << 20, so it
// never decreases, even if the index is lost, or its last writes, which are not synced.
//
//   'i' identity        id, uidvalidity, highest mod-sequence, recent UID, history, stamp of the
//                       file of annotations; alone: last id
//   'x' id modseq       the UIDs expunged with it (history.h)
//   'f' id block        of 64 UIDs: each one's flags, keywords, mod-sequence
//   'c' id item uid     a value: envelope, body structure, header fields, size, date
//   's' path 0 part     what a format knew of a folder, in parts: the format's own text
//
// A folder's identity comes from its format and outlives sessions (the uidlist's GUID, or the
// mbox's path). When its UIDVALIDITY changes, all of its entries are forgotten. Numbers are
// big-endian.
//
// SEE ALSO   ../kv/database.h, ../mailbox/mailbox.h (StoreSettings::index), cached_values.h
//            (batches)
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "store/index/history.h"
#include "store/kv/database.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// The directory of an index for a single account: within its mail, under a name that no folder
/// has.
std::string index_directory(const MailLocation& location);

/// Thread-safe. Opens its database when it is first used.
class Index {
 public:
  explicit Index(std::filesystem::path directory, const Clock& clock = Clock::system());

  struct Folder {
    std::string identity;
    std::uint32_t uid_validity = 0;
  };
  /// What the index says of one message.
  struct State {
    Uid uid;
    Flags flags;
    KeywordSet keywords = 0;  ///< or what stands for them (ModSeqs::know_keywords_by)
    ModSeq modseq;
  };

  /// All messages of a folder, ascending.
  std::vector<State> states(const Folder& folder);
  /// Updates the index: `changed` are messages with their current flags, and get their modseq here;
  /// `gone` were expunged. Returns the folder's highest mod-sequence, at least `floor`.
  ModSeq settle(const Folder& folder, std::vector<State>& changed, std::span<const Uid> gone,
                ModSeq floor);
  /// The UIDs that settle() was told to be gone after `since`, ascending, and perhaps earlier ones;
  /// nothing if what is kept does not go back so far (history.h).
  std::optional<std::vector<Uid>> expunged_since(const Folder& folder, ModSeq since);
  /// Raises the folder's highest mod-sequence, and returns it: at least `floor`.
  ModSeq count_on(const Folder& folder, ModSeq floor);
  /// The same, but only if the file of the folder's annotations is not as it was when this was last
  /// called.
  ModSeq note_annotations(const Folder& folder, const FileStamp& file, ModSeq floor);
  /// Zero: the folder is not known. For opening a folder: this checks again whether the database's
  /// files still exist, or all that is cached from then on would be lost with them.
  ModSeq highest_modseq(const Folder& folder);

  /// The least UID that no session has announced as \Recent; 0: not known.
  Uid first_recent(const Folder& folder);
  void note_first_recent(const Folder& folder, Uid uid);

  struct Value {
    Uid uid;
    CacheItem item;
    std::string text;
  };
  std::optional<std::string> cached(const Folder& folder, Uid uid, CacheItem item);
  /// The values of one item from `first` on, ascending, up to `count_max` of them or `bytes_max` in
  /// all; at least one, if there is one.
  std::vector<Value> cached_from(const Folder& folder, CacheItem item, Uid first,
                                 std::size_t count_max, std::size_t bytes_max);
  /// Stores all of them in one write.
  void cache(const Folder& folder, std::span<const Value> values);
  /// The folder was deleted.
  void forget(const Folder& folder);

  /// What keep_state() was given for this path; empty: nothing.
  std::string state(const std::string& path);
  /// Keeps it, unless it is longer than `state_bytes_max`; empty: forgets it.
  void keep_state(const std::string& path, std::string_view text);
  static constexpr std::size_t state_bytes_max = 16 << 20;

 private:
  struct Part {
    std::uint64_t id = 0;
    std::uint32_t uid_validity = 0;
    std::uint64_t highest = 0;
    std::uint32_t first_recent = 0;
    History history;
    FileStamp annotations;
    // Mod-sequences between these may have been told of changes that were lost with the last writes
    // before a power cut: the highest that was on disk when this process first looked, and the
    // least that it assigns.
    std::uint64_t lost_after = 0;
    std::uint64_t lost_before = 0;
  };
  using Block = std::map<std::uint8_t, State>;  // by the UID's last bits
  std::shared_ptr<Database> database();
  Result<void> judge() const;
  bool is_removed();
  std::pair<std::shared_ptr<Database>, std::optional<Part>> begin(const Folder& folder);
  static std::string part_value(const Part& part);
  std::optional<Part> part_of(Database& database, const Folder& folder);
  bool commit(Database& database, Batch& batch);
  ModSeq raise(const Folder& folder, ModSeq floor, const FileStamp* annotations);
  void failed(const Error& error);
  void read_failed(const std::shared_ptr<Database>& held, const Error& error);

  std::filesystem::path directory_;
  const Clock& clock_;
  std::mutex mutex_;  // guards all that follows
  std::shared_ptr<Database> database_;
  std::uint64_t inode_ = 0;  // of the directory as opened
  std::int64_t retry_at_ = 0;
  std::int64_t looked_at_ = 0;  // last check for its removal
  std::map<std::string, Part, std::less<>> parts_;
};

}  // namespace pennypost::store
