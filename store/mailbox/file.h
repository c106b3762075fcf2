// File access for the mail formats: whose a file is, whether it has changed, how it is replaced.
//
// SEE ALSO   common/base/file.h (reading and writing)
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"

namespace pennypost::store {

/// Whether the reason of a file_error() is a lack of space, inodes or quota.
bool is_no_room(const Error& error);
/// Whether a small file can be written in this directory now, according to the file system.
bool has_room(const std::string& directory);

/// For a missing mailbox that the settings forbid to create.
Error missing_mailbox(const std::string& path);

/// Whether a file or directory belongs to this process's user, and nobody else may write to it.
/// Only then is what the store keeps there trusted.
bool is_own(const struct stat& status);
/// For a path that is not is_own(): 451 NoPerm "PATH must belong to the account …" with the remedy.
Error distrusted(const std::string& path);

/// Identifies a version of a file or directory. If two stamps are equal, nothing has changed in
/// between, unless it changed within the clock tick in which it was looked at (see `settled`).
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;

  static FileStamp of(const struct stat& status);
  /// All zero if there is no such file, or it can't be accessed.
  static FileStamp of(const std::string& path);
  bool exists() const { return inode != 0; }
  /// Whether a change after `now_ns` (wall clock) is certain to give another stamp.
  bool settled(std::int64_t now_ns) const;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
std::int64_t wall_clock_ns();

/// Writes `text` to `beside`, syncs, and renames it to `path`; durable once the directory is
/// synced.
Result<void> replace_file(const std::string& path, const std::string& beside, std::string_view text,
                          bool sync = true);
/// The directory that a path is in; of `/` itself.
std::string parent_of(const std::string& path);
/// make_directory() with all missing parents.
Result<void> make_directories(const std::string& path, mode_t mode = 0700);
/// Calls `each` with every name but `.` and `..`, and d_type; stops with an error after
/// `names_max`.
Result<void> list_directory(const std::string& path, std::size_t names_max,
                            const std::function<void(std::string_view, unsigned char)>& each);
/// Removes a directory and its content, at most `depth_max` levels deep.
Result<void> remove_tree(const std::string& path, int depth_max = 4);

}  // namespace pennypost::store
