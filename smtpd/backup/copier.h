// Copies files and directories of a running host into a backup, by hard links where an earlier
// backup has the same file.
//
// A file is the same if its inode, size, modification time, owner and mode are: a message whose
// flags changed, and with them its name, is linked and not copied. Directories are read again until
// a reading brings nothing new, since names may move while they are read. Of a Maildir folder `new`
// and `cur` come first and what lists them after, so that dovecot-uidlist knows the messages in the
// backup and perhaps some that are not in it, which readers take for removed ones. A message that
// moves meanwhile is copied once. What is in `tmp` is not there yet, and left out.
//
// Left out are also lock files, sockets, FIFOs and devices. Links are copied as links and never
// followed but where the admin made them on the way to the place named (safe_open.h); of a user's
// directory, files of others that have a second name are left out, since the user may have made it.
//
// LIMITS  directories within each other: backup_depth_max; readings of one: backup_rounds_max
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "smtpd/backup/earlier.h"
#include "smtpd/backup/manifest.h"

namespace pennypost::smtp {

inline constexpr int backup_depth_max = 64;
inline constexpr int backup_rounds_max = 10;

struct CopyCounts {
  std::uint64_t files = 0;
  std::uint64_t linked = 0;
  std::uint64_t bytes_copied = 0;
};

class Copier {
 public:
  using Progress = std::function<void(const CopyCounts&)>;
  /// Held while a file is copied.
  using Lock = std::shared_ptr<void>;
  /// Nothing: the file is to be left out. A null Lock: it needs none.
  using TakeLock = std::function<Result<std::optional<Lock>>(const std::string& path)>;

  /// `directory` exists and is the backup's.
  Copier(std::string directory, std::vector<EarlierBackup> earlier, ManifestWriter& manifest,
         Progress progress);

  /// What is not copied: a path and all below it.
  void leave_out(std::string path) { left_out_.insert(std::move(path)); }
  /// Copies a file, or a directory and all below it, as if it were at `path_there`. `owner`: the
  /// user who may change it without being asked by us. `take_lock` is asked before each file. What
  /// is not there, or was copied before, is no error. Error: the backup can't be written.
  Result<void> add(const std::string& path, const std::string& path_there,
                   std::optional<uid_t> owner, const TakeLock& take_lock = nullptr);

  const CopyCounts& counts() const { return counts_; }
  /// What could not be read, one line each, at most warnings_max.
  const std::vector<std::string>& warnings() const { return warnings_; }
  static constexpr std::size_t warnings_max = 100;

 private:
  struct Place {
    std::string path;  // to read
    std::string path_there;
    std::optional<uid_t> owner;
    const TakeLock& take_lock;
    int depth = 0;
    Place in(const std::string& name) const {
      return {path + "/" + name, path_there + "/" + name, owner, take_lock, depth + 1};
    }
  };
  Result<void> copy_directory(const Descriptor& directory, const struct stat& status,
                              const Place& place);
  Result<void> copy_entries(const Descriptor& directory, const Place& place, bool are_links,
                            std::set<std::string>& seen);
  Result<void> copy_messages(const Descriptor& folder, const Place& place);
  Result<bool> copy_message(const Descriptor& part, const std::string& name, const Place& place);
  Result<void> copy_entry(const Descriptor& directory, const std::string& name, const Place& place);
  Result<void> copy_link(const Descriptor& directory, const std::string& name,
                         const struct stat& status, const Place& place);
  Result<void> copy_file(const Descriptor& file, struct stat status, const Place& place);
  bool try_link(const struct stat& status, const Place& place, BackupItem& item);
  Result<bool> copy_bytes(const Descriptor& file, struct stat& status, const Place& place,
                          BackupItem& item);
  Result<void> make_directory_for(const struct stat& status, const Place& place);
  BackupItem item_of(BackupItem::Kind kind, const struct stat& status, const std::string& path);
  void warn(const std::string& text);
  void note(const BackupItem& item);
  std::string in_backup(const std::string& path) const;

  std::string directory_;
  std::vector<EarlierBackup> earlier_;
  ManifestWriter& manifest_;
  Progress progress_;
  std::set<std::string> left_out_;
  std::set<std::string> done_;         // places, as they were named
  std::set<std::string> directories_;  // that are in the list
  std::unordered_map<uid_t, std::string> users_;
  std::unordered_map<gid_t, std::string> groups_;
  std::unordered_map<std::uint64_t, BackupItem> several_names_;  // by inode
  CopyCounts counts_;
  std::vector<std::string> warnings_;
};

/// Names in a directory, sorted. Error: it can't be read.
Result<std::vector<std::string>> names_in(const Descriptor& directory, const std::string& path);

}  // namespace pennypost::smtp
