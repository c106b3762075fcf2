// Shares what was read of Maildir folders among all sessions of a process, and keeps it for later
// ones.
//
// The most recently used folders are kept even if nobody has them open, within the limits below;
// what is dropped is saved in the index.
//
// SEE ALSO   shared_folder.h, ../mailbox/mailbox.h (StoreSettings::folder_cache)
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "store/maildir/shared_folder.h"

namespace pennypost::store {

/// One per process. Thread-safe. To be destroyed before the index.
class FolderCache {
 public:
  struct Limits {
    std::size_t folders_max = 1000;
    std::size_t bytes_max = 32 << 20;  ///< of messages and names
  };
  FolderCache() = default;
  explicit FolderCache(Limits limits) : limits_(limits) {}
  ~FolderCache();
  FolderCache(const FolderCache&) = delete;
  FolderCache& operator=(const FolderCache&) = delete;

  std::shared_ptr<SharedFolder> folder(const std::shared_ptr<const MaildirLayout>& layout,
                                       const MailboxName& name);
  /// There is no folder under this path any more.
  void forget(const std::string& directory);
  std::size_t count() const;

 private:
  using Kept = std::list<std::shared_ptr<SharedFolder>>;  // the most recently used first
  Kept shrink();

  Limits limits_;
  mutable std::mutex mutex_;  // guards the two that follow
  Kept kept_;
  std::unordered_map<std::string, Kept::iterator> by_path_;
};

/// From the cache in the settings; without one, a folder that only the caller has.
std::shared_ptr<SharedFolder> shared_folder(const std::shared_ptr<const MaildirLayout>& layout,
                                            const MailboxName& name);

}  // namespace pennypost::store
