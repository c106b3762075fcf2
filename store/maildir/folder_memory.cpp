#include "store/maildir/folder_memory.h"

#include "store/index/index.h"

namespace pennypost::store {

FolderMemory::~FolderMemory() {
  for (const auto& folder : kept_) folder->keep();
}

std::shared_ptr<KnownFolder> FolderMemory::folder(
    const std::shared_ptr<const MaildirLayout>& layout, const MailboxName& name) {
  auto directory = layout->directory(name);
  Kept let_go;
  std::shared_ptr<KnownFolder> folder;
  {
    std::lock_guard guard(mutex_);
    auto known = by_path_.find(directory);
    if (known != by_path_.end()) {
      kept_.splice(kept_.begin(), kept_, known->second);
    } else {
      kept_.push_front(std::make_shared<KnownFolder>(layout, name));
      by_path_.emplace(std::move(directory), kept_.begin());
    }
    folder = kept_.front();
    let_go = shrink();
  }
  for (const auto& old : let_go) old->keep();
  return folder;
}

// Takes out what is beyond the limits and in nobody's use.
FolderMemory::Kept FolderMemory::shrink() {
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

void FolderMemory::forget(const std::string& directory) {
  std::lock_guard guard(mutex_);
  auto known = by_path_.find(directory);
  if (known == by_path_.end()) return;
  kept_.erase(known->second);
  by_path_.erase(known);
}

std::size_t FolderMemory::count() const {
  std::lock_guard guard(mutex_);
  return kept_.size();
}

std::shared_ptr<KnownFolder> known_folder(const std::shared_ptr<const MaildirLayout>& layout,
                                          const MailboxName& name) {
  if (auto* memory = layout->settings().memory) return memory->folder(layout, name);
  return std::make_shared<KnownFolder>(layout, name);
}

}  // namespace pennypost::store
