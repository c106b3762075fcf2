// File access for the mail formats: reads and replaces whole files, makes them durable, and names
// path and reason in each Error.
//
// Errors have the RFC 5321 code that fits the cause (452 for a full disk), and IMAP's response code
// if there is one.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost::store {

/// "can't VERB PATH: reason; remedy": 452 if space or quota is used up, else 451; with a response
/// code.
Error file_error(std::string_view verb, const std::string& path, int error = errno);

/// Whether the reason is a lack of space, inodes or quota.
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

Result<Descriptor> open_file(const std::string& path, int flags, mode_t mode = 0600);
/// The whole file, or nothing if there is none; an error if it has more than `bytes_max`.
Result<std::optional<std::string>> read_file(const std::string& path, std::uint64_t bytes_max);
Result<std::string> read_range(int descriptor, std::uint64_t offset, std::uint64_t length,
                               const std::string& path);
Result<void> write_all(int descriptor, std::string_view bytes, const std::string& path);
Result<void> sync_file(int descriptor, const std::string& path);
Result<void> sync_directory(const std::string& path);
/// Writes `text` to `beside`, syncs, and renames it to `path`; durable once the directory is
/// synced.
Result<void> replace_file(const std::string& path, const std::string& beside, std::string_view text,
                          bool sync = true);
/// mkdir; no error if the directory exists already.
Result<void> make_directory(const std::string& path, mode_t mode = 0700);
/// The same with all missing parents.
Result<void> make_directories(const std::string& path, mode_t mode = 0700);
/// Calls `each` with every name but `.` and `..`, and d_type; stops with an error after
/// `names_max`.
Result<void> list_directory(const std::string& path, std::size_t names_max,
                            const std::function<void(std::string_view, unsigned char)>& each);
/// Removes a directory and its content, at most `depth_max` levels deep.
Result<void> remove_tree(const std::string& path, int depth_max = 4);

}  // namespace pennypost::store
