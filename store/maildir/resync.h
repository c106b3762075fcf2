// Makes a folder's lists agree with its files, whatever they have gone through.
//
// All under the lock of dovecot-uidlist: each file keeps the UID of its record, a file without one
// gets the next UID, and records without a file go. What an index has of the folder is void from
// then on: the process that owns it reads the folder anew at its next look, and computes again what
// it kept of messages. Mod-sequences go up; UIDs and UIDVALIDITY stay, unless dovecot-uidlist can't
// be read at all.
//
// SEE ALSO   uidlist.h (the format), shared_folder.h (who notices)
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "store/maildir/layout.h"

namespace pennypost::store {

struct Resynced {
  std::uint64_t messages = 0;  // that are there now
  std::uint64_t added = 0;     // that had no UID
  std::uint64_t dropped = 0;   // records without a file
};

/// NonExistent if there is no such folder.
Result<Resynced> resync_folder(const MaildirLayout& layout, const MailboxName& name);

}  // namespace pennypost::store
