// Opens an mbox and locks it in the same way as other mail programs.
//
// Locks are taken in the order of `mailbox_delivery_lock`: by default first fcntl on the file, then
// the dotlock `PATH.lock`. In the mail spool both are made with the privileged group's rights
// (file_place.h), and the account must own the file. If the second lock is not available, the first
// is released before the next try, so that programs that lock in the opposite order don't deadlock
// with us. Reading takes only shared locks on the file. fcntl locks are open file description locks
// (OFD): sessions in one process exclude each other too, and closing another descriptor does not
// release them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// How long we wait for other programs' locks on an mbox: deliver_lock_attempts, with
/// deliver_lock_delay between them.
std::chrono::milliseconds mbox_lock_timeout(const StoreSettings& settings);

class MboxLock {
 public:
  enum class Kind {
    Read,
    Write,   // a missing file is created
    Change,  // for writing as well, but only an existing file
  };

  /// Opens and locks. If there is no file to be read or changed, the object holds no descriptor.
  /// 451 InUse after mbox_lock_timeout, or brief_lock_ms; NoPerm if it is not a regular file, or a
  /// spool file of somebody else (strict_mailbox_ownership).
  static Result<MboxLock> take(const std::string& path, Kind kind, const StoreSettings& settings);

  /// -1: there is no file.
  int descriptor() const { return file_.number(); }

 private:
  Result<bool> try_all(const FilePlace& place, Kind kind, const StoreSettings& settings);
  Result<bool> try_dotlock(const FilePlace& place, const StoreSettings& settings);

  Descriptor file_;                 // closing it releases the lock
  std::optional<Dotlock> dotlock_;  // released first
};

}  // namespace pennypost::store
