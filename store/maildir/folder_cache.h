// The path of a Maildir folder in, what this process knows of it out.
//
// Sessions of one folder share what was read of it, and who opens it again begins with that. Of the
// folders that nobody has open the ones used last are kept, within the limits below; what is let go
// is left in the index.
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
