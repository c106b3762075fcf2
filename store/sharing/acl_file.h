// Reads and changes the dovecot-acl of a mailbox.
//
// A change is made under a dotlock, in a file beside, which is synced and renamed: a reader sees
// the old list or the new one. A list without lines has no file.
//
// SEE ALSO   acl.h (the format)
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "store/mailbox/mailbox.h"
#include "store/sharing/acl.h"

namespace pennypost::store {

class AclFile {
 public:
  static constexpr std::string_view name = "dovecot-acl";

  /// Of the mailbox with this directory; `root` is that of the account's mail. The settings are
  /// those of the account's store.
  AclFile(std::string directory, std::string root, const StoreSettings& settings)
      : directory_(std::move(directory)),
        root_(std::move(root)),
        brief_lock_ms_(settings.brief_lock_ms),
        fsync_(settings.fsync) {}

  /// Of a mailbox in a store of its owner. NonExistent: it is not there.
  static Result<AclFile> of(MailStore& store, const MailboxName& mailbox);

  /// Empty if there is none. Error Corruption: it can't be understood, and which line; others: it
  /// can't be read.
  Result<Acl> read() const;
  /// What the visitor may do. If the list can't be read, nobody but the owner may do anything, and
  /// why is logged.
  Rights rights_of(const Visitor& visitor) const;
  /// Calls `edit`, which returns an Error or changes the list, and writes what it has become.
  Result<void> change(const std::function<Result<void>(Acl&)>& edit) const;
  /// Writes the list as it is.
  Result<void> write(const Acl& acl) const;

 private:
  std::string path() const { return directory_ + "/" + std::string(name); }

  std::string directory_;
  std::string root_;
  int brief_lock_ms_;
  bool fsync_;
};

}  // namespace pennypost::store
