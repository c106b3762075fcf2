#include "store/mailbox/folder_store.h"

namespace pennypost::store {

Error exists_already(const MailboxName& name) {
  return Error(550, ResponseCode::AlreadyExists, "Mailbox already exists: " + name.text());
}

Error is_nonexistent(const MailboxName& name) {
  return Error(550, ResponseCode::NonExistent, "Mailbox does not exist: " + name.text());
}

Error inbox_stays() { return Error(550, ResponseCode::Cannot, "INBOX can't be deleted"); }

}  // namespace pennypost::store
