// Lists the directories of a Maildir that are folders, in either layout.
//
//   Maildir++   root/.a.b       a.b
//   LAYOUT=fs   root/a/b        a/b; a without a directory `cur` holds folders only
//
// With LAYOUT=fs no folder are: `cur`, `new` and `tmp`, what begins with a dot, what INBOX=, INDEX=
// and CONTROL= name, and the files that Dovecot and pennypost keep beside mail. A link to a
// directory is a folder like any other, but one that leads back to a directory above it is none.
//
// LIMITS     folders_max, depth_max
// SEE ALSO   layout.h (the paths), store.h (who shows the folders)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/location.h"

namespace pennypost::store {

/// A directory that may be a folder, unless its name is none that clients can use.
struct FolderEntry {
  std::string name;  ///< in UTF-8, with the separator of the disk between levels
  std::string directory;
  bool has_messages = true;  ///< false: it holds only folders, or nothing yet
};

struct FolderListLimits {
  std::size_t folders_max;
  std::size_t depth_max;  ///< of LAYOUT=fs
};

/// All but INBOX, which is the location's `inbox`. A root that is not there has none.
Result<std::vector<FolderEntry>> list_folders(const MailLocation& location,
                                              const FolderListLimits& limits);

/// Where subscriptions, maildirsize and dovecot-uidvalidity lie: in the root, or as CONTROL= says.
const std::string& lists_directory(const MailLocation& location);
/// Whether the directory of this path holds a folder's messages: it has a directory `cur`.
bool has_messages(const std::string& directory);
/// Whether no folder of LAYOUT=fs has this name on disk, at its first level or below.
bool is_kept_name(std::string_view level, bool is_first);

}  // namespace pennypost::store
