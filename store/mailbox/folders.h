// Builds the tree of folders that LIST shows, and keeps the list of subscriptions.
//
// The subscriptions file is Dovecot's: a header of "V", tab, "2" and an empty line, then one name
// per line, its levels joined by tabs, in modified UTF-7. A file without that header is of version
// 1, with levels joined by the store's separator; it is rewritten as version 2 at the next change.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// What a folder's name stands for on disk.
enum class FolderKind : std::uint8_t {
  Mailbox,    ///< holds messages, and folders may be below it
  Leaf,       ///< holds only messages: \NoInferiors
  Directory,  ///< holds only folders, or nothing yet: \NoSelect
};
using FolderKinds = std::map<MailboxName, FolderKind>;

/// `existing` (INBOX is added) with parents, special uses, children and subscriptions filled in.
std::vector<Folder> folder_tree(FolderKinds existing, char separator,
                                const std::vector<MailboxName>& subscribed,
                                const StoreSettings& settings);

/// A folder's special use, from the settings or from the names that mail programs use; else None.
SpecialUse special_use_of(std::string_view name, const StoreSettings& settings);

/// The new name of a folder at or below `old_parent` when that is renamed to `new_parent`.
std::string renamed(const MailboxName& name, const MailboxName& old_parent,
                    const MailboxName& new_parent);
/// `a` and `a/b` for a/b/c, the shortest first.
std::vector<MailboxName> names_above(const MailboxName& name, char separator);
/// Whether `name` lies below `parent`.
bool is_below(const MailboxName& name, const MailboxName& parent, char separator);

class Subscriptions {
 public:
  /// `brief_lock_ms` as in StoreSettings.
  Subscriptions(std::string path, char separator, int brief_lock_ms = 0)
      : path_(std::move(path)), separator_(separator), brief_lock_ms_(brief_lock_ms) {}

  bool has_file() const;
  Result<std::vector<MailboxName>> read() const;
  Result<void> add(const MailboxName& name) const;
  /// No error if it is not in the list.
  Result<void> remove(const MailboxName& name) const;

  /// The names in a file's text, each once; invalid ones are skipped.
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
