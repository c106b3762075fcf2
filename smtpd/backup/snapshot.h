// Makes backups of this host below a directory, each whole by itself, the same files shared by hard
// links.
//
//   TARGET/2026-11-29T20-15-03Z/files/…     the host's files, at their paths
//   TARGET/2026-11-29T20-15-03Z/manifest    what they are (manifest.h)
//   TARGET/last                             a link to the newest that is whole
//   TARGET/unfinished-N                     being made, or left by a backup that was interrupted
//   TARGET/lock                             held by who makes a backup
//
// A backup is made as `unfinished-N`, synced, and then renamed: whatever happens meanwhile, those
// before it are as they were. The next one links what an interrupted one has copied, and removes
// it. The queue comes first and mail last: a message delivered meanwhile is in both, and the queue,
// which takes its messages for tried, looks for it in the mailbox before it delivers.
//
// SEE ALSO   copier.h, places.h, restore.h
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "smtpd/backup/copier.h"

namespace pennypost::smtp {

inline constexpr std::size_t unfinished_max = 8;  // older ones are given up

/// The directory of all backups of a host.
class BackupTarget {
 public:
  /// Makes the directory if it is missing, for root alone. Error: it can't be used, or another
  /// backup is being made there.
  static Result<BackupTarget> open_to_write(const std::string& path);
  static Result<BackupTarget> open_to_read(const std::string& path);

  const std::string& path() const { return path_; }
  /// The names of the backups that are whole, oldest first.
  Result<std::vector<std::string>> names() const;
  Result<std::vector<std::string>> unfinished() const;
  /// The directory of a backup; an empty `name` is the last one. Error: there is none.
  Result<std::string> directory_of(const std::string& name) const;

 private:
  explicit BackupTarget(std::string path) : path_(std::move(path)) {}
  std::string path_;
  Descriptor lock_;
};

struct BackupJob {
  std::shared_ptr<const Config> config;
  std::string config_directory;
  std::size_t keep = 0;  // how many backups stay; 0: all
  /// Has the queue's owner make a checkpoint, and returns its directory; empty: there is no queue.
  std::function<Result<std::string>()> make_checkpoint;
  Copier::Progress progress;
};

struct BackupDone {
  std::string name;
  CopyCounts counts;
  std::vector<std::string> warnings;   // what is not in it, though it should be
  std::vector<std::string> elsewhere;  // what this host's files don't hold, as HostPlaces says
  std::vector<std::string> removed;    // older backups
};

Result<BackupDone> make_backup(const BackupTarget& target, const BackupJob& job);

/// Each file of a backup that is missing, has another size or other bytes, one line each. Error:
/// the list can't be read, or is not complete.
Result<std::vector<std::string>> verify_backup(const std::string& directory,
                                               const Copier::Progress& progress);

}  // namespace pennypost::smtp
