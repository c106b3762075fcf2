// What can be computed from mail, kept: mod-sequences, and values a session would compute again.
//
// One RocksDB for many folders, owned by one process (imapd's worker). Nothing in it is needed: if
// it can't be opened, is damaged, or is removed while the server runs, work goes on without, a
// warning is logged, and it is made anew. Hence no function here fails.
//
// A mod-sequence is given when a session finds that a message differs from what the index says of
// it; all sessions of the process thus see the same one. It is at least seconds << 20, so it never
// goes back, neither after the loss of the index nor of its last writes, which are not synced.
//
//   'i' identity        id, uidvalidity, highest mod-sequence          id 0: the last id given
//   'f' id uid          flags, keywords, mod-sequence
//   'c' id item uid     a value: envelope, body structure, size, date
//
// A folder's identity is what its format has that outlives sessions (the uidlist's GUID, or the
// mbox's path). With another UIDVALIDITY all of its entries are forgotten. Numbers are big-endian.
//
// SEE ALSO   ../kv/database.h, ../mailbox/mailbox.h (StoreSettings::index)
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
#include <vector>

#include "common/base/clock.h"
#include "store/kv/database.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// Where the index of one account alone lies: among its mail, under a name that is no folder's.
std::string index_directory(const MailLocation& location);

/// Thread-safe. Opens its database at the first use, in the process that uses it.
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
    KeywordSet keywords = 0;
    ModSeq modseq;
  };

  /// All messages of a folder, ascending.
  std::vector<State> states(const Folder& folder);
  /// Makes the index agree: `changed` are messages whose flags are as given, with a modseq to be
  /// filled in; `gone` were expunged. Gives back the folder's highest mod-sequence, not less than
  /// `floor`.
  ModSeq settle(const Folder& folder, std::vector<State>& changed, std::span<const Uid> gone,
                ModSeq floor);
  ModSeq highest_modseq(const Folder& folder);

  std::optional<std::string> cached(const Folder& folder, Uid uid, CacheItem item);
  void cache(const Folder& folder, Uid uid, CacheItem item, std::string_view value);
  /// The folder was deleted.
  void forget(const Folder& folder);

 private:
  struct Part {
    std::uint64_t id = 0;
    std::uint32_t uid_validity = 0;
    std::uint64_t highest = 0;
  };
  std::shared_ptr<Database> database();
  bool is_removed() const;
  std::optional<Part> part_of(Database& database, const Folder& folder);
  bool commit(Database& database, Batch& batch);
  void failed(const Error& error);

  std::filesystem::path directory_;
  const Clock& clock_;
  std::mutex mutex_;  // guards all that follows
  std::shared_ptr<Database> database_;
  std::uint64_t inode_ = 0;  // of the directory as opened
  std::int64_t retry_at_ = 0;
  std::map<std::string, Part, std::less<>> parts_;
};

}  // namespace pennypost::store
