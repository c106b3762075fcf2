// Brings a backup back: the whole host, or mail of one account.
//
// The whole host: each file with its owner and mode, where it was or below another root. Owners are
// found by name, since a new host may number them otherwise. A file that is there and is the same
// stays; one that differs stops everything before anything is written, unless it may be
// overwritten. The queue's database is replaced as a whole, never mixed with another: the old one
// is kept beside as db.before-SECONDS. What was interrupted goes on when called again.
//
// The mail of one account goes into the account's mailbox of this host, whose daemons may run. A
// folder that is missing or empty comes back with its UIDs, so that clients know its messages. Into
// one that has mail come the messages that it lacks, and nothing that is there changes; they get
// new UIDs, and lose keywords where the folder has others. Messages that it has under another name
// of the same beginning (new flags) are not missing.
//
// SEE ALSO   snapshot.h (what a backup is)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "smtpd/backup/manifest.h"
#include "smtpd/backup/places.h"

namespace pennypost::smtp {

struct RestoreDone {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t kept = 0;             // were there already
  std::vector<std::string> warnings;  // one line each
};

struct RestoreJob {
  std::string directory;  // of the backup
  std::string root;       // put before each path; empty: where it was
  bool overwrites = false;
};

/// Error: a file is there that differs, a file of the backup is damaged, or something can't be
/// written; with what to do.
Result<RestoreDone> restore_host(const RestoreJob& job, const Manifest& manifest);

/// `account` as it is in the backup, `place` as it is here; `folder` in UTF-8, empty: all. Error:
/// no such folder in the backup, other formats, or something can't be written.
Result<RestoreDone> restore_mail(const RestoreJob& job, const Manifest& manifest,
                                 const Config& config, const BackupAccount& account,
                                 const MailPlace& place, const std::string& folder);

/// A file of the backup, open for bring_back(), perhaps with another's rights.
Result<Descriptor> open_item(const RestoreJob& job, const BackupItem& item);
/// Copies it to `path`, by way of `beside` in the same file system; its digest must be right.
/// Without `sets_owner` it belongs to who we are.
Result<void> bring_back(const Descriptor& from, const BackupItem& item, const std::string& path,
                        const std::string& beside, bool sets_owner);

}  // namespace pennypost::smtp
