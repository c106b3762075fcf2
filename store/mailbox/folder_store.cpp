#include "store/mailbox/folder_store.h"

namespace pennypost::store {

Error already_exists(const MailboxName& name) {
  return Error(550, ResponseCode::AlreadyExists, "Mailbox already exists: " + name.text());
}

Error no_such_mailbox(const MailboxName& name) {
  return Error(550, ResponseCode::NonExistent, "Mailbox does not exist: " + name.text());
}

Error too_many_folders(std::size_t folders) {
  return Error(550, ResponseCode::Limit,
               "There are " + std::to_string(folders) + " folders already");
}

Error no_inferiors(const MailboxName& name) {
  return Error(550, ResponseCode::Cannot,
               "Mailbox holds messages, so there can be no others below it: " + name.text());
}

Error not_selectable(const MailboxName& name) {
  return Error(550, ResponseCode::Cannot, "Mailbox is not selectable: " + name.text());
}

Error cannot_delete_inbox() { return Error(550, ResponseCode::Cannot, "INBOX can't be deleted"); }

}  // namespace pennypost::store
