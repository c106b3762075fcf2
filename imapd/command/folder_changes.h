// Compares the names of an account's mailboxes at two times, and writes the LIST lines for what has
// changed.
//
// STANDARDS  RFC 5465 sections 5.4 (MailboxName) and 5.5 (SubscriptionChange)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/response/strings.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// What LIST says of a mailbox.
struct FolderState {
  bool exists = false;
  bool is_selectable = false;
  bool may_have_children = true;
  bool has_children = false;
  bool is_subscribed = false;
};

/// By name; with the subscribed names that do not exist.
using FolderStates = std::map<store::MailboxName, FolderState>;
FolderStates folder_states(const std::vector<store::Folder>& folders,
                           const std::vector<store::MailboxName>& subscribed);

struct FolderChange {
  store::MailboxName name;
  /// It was made or removed, or a mailbox right below it was.
  bool is_name = false;
  bool is_subscription = false;
};
/// By name.
std::vector<FolderChange> folder_changes(const FolderStates& before, const FolderStates& after,
                                         char separator);

/// What `name` is called after `from` has become `to`, if it is that mailbox or one below it.
std::optional<store::MailboxName> name_after_rename(const store::MailboxName& name,
                                                    const store::MailboxName& from,
                                                    const store::MailboxName& to, char separator);
/// Gives a mailbox and those below it their new names.
void rename_states(FolderStates& states, const store::MailboxName& from,
                   const store::MailboxName& to, char separator);

/// `* LIST (\NonExistent) "." Old`, or with `("OLDNAME" (old))`.
std::string folder_line(const FolderStates& states, const store::MailboxName& name, char separator,
                        std::string_view old_name = {}, NameForm form = NameForm::Utf7);

}  // namespace pennypost::imap
