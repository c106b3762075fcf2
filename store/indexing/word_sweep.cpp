#include "store/indexing/word_sweep.h"

#include "store/indexing/folder_indexer.h"
#include "store/sharing/sharing.h"

namespace pennypost::store {

bool is_others_mailbox(MailStore& store, const MailboxName& name) {
  auto* sharing = store.sharing();
  return sharing != nullptr && sharing->owner_of(name).has_value();
}

Result<bool> WordSweep::step() {
  if (!folders_) {
    TRY(folders_, store_.list());
  }
  if (next_ == folders_->size()) {
    TRY(forgotten_, writer_.keep_only(kept_));
    return false;
  }
  const auto& folder = (*folders_)[next_++];
  if (!folder.exists || !folder.selectable || is_others_mailbox(store_, folder.name)) return true;
  auto status = store_.status(folder.name);
  if (status) {
    kept_.push_back(word_folder(folder.name, status->id, status->uid_validity));
    return true;
  }
  if (status.error().response_code() == ResponseCode::NonExistent) return true;
  return std::move(status).error();
}

}  // namespace pennypost::store
