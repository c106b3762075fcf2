#include "store/maildir/folder_cache.h"

#include "store/index/index.h"

namespace pennypost::store {

FolderCache::~FolderCache() {
  for (const auto& folder : kept_) folder->keep();
}

std::shared_ptr<SharedFolder> FolderCache::folder(
    const std::shared_ptr<const MaildirLayout>& layout, const MailboxName& name) {
  auto directory = layout->directory(name);
  Kept let_go;
  std::shared_ptr<SharedFolder> folder;
  {
    std::lock_guard guard(mutex_);
    auto known = by_path_.find(directory);
    if (known != by_path_.end()) {
      kept_.splice(kept_.begin(), kept_, known->second);
    } else {
      kept_.push_front(std::make_shared<SharedFolder>(layout, name));
      by_path_.emplace(std::move(directory), kept_.begin());
    }
    folder = kept_.front();
    let_go = shrink();
  }
  for (const auto& old : let_go) old->keep();
  return folder;
}

// Removes and returns what exceeds the limits and is not in use.
FolderCache::Kept FolderCache::shrink() {
  Kept let_go;
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (auto at = kept_.begin(); at != kept_.end();) {
    auto here = at++;
    bytes += (*here)->bytes();
    ++count;
    bool is_used = here == kept_.begin() || here->use_count() > 1;
    if (is_used || (bytes <= limits_.bytes_max && count <= limits_.folders_max)) continue;
    bytes -= (*here)->bytes();
    --count;
    by_path_.erase((*here)->directory());
    let_go.splice(let_go.end(), kept_, here);
  }
  return let_go;
}

void FolderCache::forget(const std::string& directory) {
  std::lock_guard guard(mutex_);
  auto known = by_path_.find(directory);
  if (known == by_path_.end()) return;
  kept_.erase(known->second);
  by_path_.erase(known);
}

std::size_t FolderCache::count() const {
  std::lock_guard guard(mutex_);
  return kept_.size();
}

std::shared_ptr<SharedFolder> shared_folder(const std::shared_ptr<const MaildirLayout>& layout,
                                            const MailboxName& name) {
  if (auto* cache = layout->settings().folder_cache) return cache->folder(layout, name);
  return std::make_shared<SharedFolder>(layout, name);
}

}  // namespace pennypost::store
