// Shares what was read of a Maildir folder among all sessions of a process, and keeps it for the
// next one.
//
// The folders that were used last are kept even when nobody has them open, within the limits below;
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

/// One a process. Thread-safe. To be destroyed before the index.
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
  /// It is not there any more, under this path.
  void forget(const std::string& directory);
  std::size_t count() const;

 private:
  using Kept = std::list<std::shared_ptr<SharedFolder>>;  // used last: first
  Kept shrink();

  Limits limits_;
  mutable std::mutex mutex_;  // guards the two that follow
  Kept kept_;
  std::unordered_map<std::string, Kept::iterator> by_path_;
};

/// From the settings' memory, or one that only its holders know.
std::shared_ptr<SharedFolder> shared_folder(const std::shared_ptr<const MaildirLayout>& layout,
                                            const MailboxName& name);

}  // namespace pennypost::store
