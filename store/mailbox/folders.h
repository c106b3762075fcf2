// The names of an account's folders in, the tree that LIST shows out; and the list of
// subscriptions.
//
// The subscriptions file is Dovecot's: a head "V", tab, "2", an empty line, then a name a line, its
// levels joined by tabs, in modified UTF-7. Without that head it is of version 1: levels joined by
// the store's separator; it is rewritten as 2 at the next change.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// `existing` (INBOX is added) with parents, special uses, children and subscriptions filled in.
std::vector<Folder> folder_tree(std::set<MailboxName> existing, char separator,
                                const std::vector<MailboxName>& subscribed,
                                const StoreSettings& settings);

/// The use a folder has by its name: the settings', or as mail programs call it; None for others.
SpecialUse special_use_of(std::string_view name, const StoreSettings& settings);

/// Where MailboxName puts a name below `parent` that was below `old_parent`.
std::string renamed(const MailboxName& name, const MailboxName& old_parent,
                    const MailboxName& new_parent);
/// Whether `name` lies below `parent`.
bool is_below(const MailboxName& name, const MailboxName& parent, char separator);

class Subscriptions {
 public:
  /// `brief_lock_ms` as StoreSettings has it.
  Subscriptions(std::string path, char separator, int brief_lock_ms = 0)
      : path_(std::move(path)), separator_(separator), brief_lock_ms_(brief_lock_ms) {}

  Result<std::vector<MailboxName>> read() const;
  Result<void> add(const MailboxName& name) const;
  /// No error when it is not there.
  Result<void> remove(const MailboxName& name) const;

  /// The names in a file's text, each once; what is none is left out.
  static std::vector<MailboxName> parse(std::string_view text, char separator);
  /// The text of a file with these names.
  static std::string text_of(const std::vector<MailboxName>& names, char separator);

 private:
  Result<void> write(const std::vector<MailboxName>& names) const;
  std::string path_;
  char separator_;
  int brief_lock_ms_;
};

}  // namespace pennypost::store
