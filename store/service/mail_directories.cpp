#include "store/service/mail_directories.h"

#include "common/process/directories.h"

namespace pennypost::store {

Result<void> prepare_mail_directories(const Config& config) {
  Identity owner;
  Identity* set_owner = nullptr;
  if (is_root()) {
    TRY(owner, Identity::of_user(config.virtual_mail_owner, "virtual_mail_owner"));
    set_owner = &owner;
  }
  TRY_DO(prepare_directory(config.virtual_mailbox_base, 0755, set_owner, "virtual_mailbox_base"));
  TRY_DO(prepare_directory(config.data_directory, 0755, nullptr, "data_directory"));
  return prepare_directory(config.index_directory, 0700, set_owner, "index_directory");
}

}  // namespace pennypost::store
