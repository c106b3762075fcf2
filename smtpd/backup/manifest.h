// Lists what a backup holds: the host, its accounts, and each file with owner, mode and digest.
//
// One line a fact, its fields separated by tabs; `%`, control characters and tabs in a field are
// written as %HH:
//   pennypost-backup  1
//   host  NAME                                   config  DIRECTORY
//   base  DIRECTORY                              queue  DIRECTORY
//   account  NAME  maildir|maildir-fs|mbox  ROOT  INBOX  [CONTROL]
//   d  MODE  UID  GID  USER  GROUP  PATH
//   l  MODE  UID  GID  USER  GROUP  PATH  TARGET
//   f  MODE  UID  GID  USER  GROUP  PATH  SIZE  MTIME  DEVICE  INODE  SHA-256
//   end  COUNT
// PATH is the file's on the host; the backup has it at files/PATH. MODE is octal, MTIME in
// nanoseconds since 1970. A list without its last line is of a backup that was interrupted: what it
// names was copied whole.
//
// SEE ALSO   snapshot.h (where it stands), restore.h
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

inline constexpr std::string_view backup_form = "1";
inline constexpr std::size_t manifest_line_bytes_max = 64 * 1024;

struct BackupItem {
  enum class Kind : char { Directory = 'd', Link = 'l', File = 'f' };
  Kind kind = Kind::File;
  mode_t mode = 0600;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string user;  // their names on the host; empty: they have none
  std::string group;
  std::string path;
  std::string target;  // of a link
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string digest;  // of a file, in hexadecimal digits

  /// Whether `status` is of the same content, owner and mode, so that a hard link may stand for it.
  bool is_same(const struct stat& status) const;
  /// The same of the content alone: without root, a backup's files belong to who makes it.
  bool has_content_of(const struct stat& status) const;
};

/// An account whose mail is in the backup.
struct BackupAccount {
  std::string name;
  std::string format;  // maildir, maildir-fs (LAYOUT=fs) or mbox
  std::string root;
  std::string inbox;
  std::string control = {};  // of CONTROL=; empty: the lists are in the folders
};

struct BackupHost {
  std::string name;
  std::string config_directory;
  std::string base_dir;
  std::string queue_directory;
  std::vector<BackupAccount> accounts;
};

struct Manifest {
  BackupHost host;
  std::vector<BackupItem> items;  // a directory before what is in it
  bool is_complete = false;

  /// Error: there is none, it is of another form, or FILE:LINE of what is wrong. A last line
  /// without its end was being written, and is left out.
  static Result<Manifest> read(const std::string& file);
};

/// Writes a list as the backup goes on.
class ManifestWriter {
 public:
  static Result<ManifestWriter> create(const std::string& file, const BackupHost& host);
  void add(const BackupItem& item);
  std::size_t count() const { return count_; }
  /// The last line. Error: not all could be written.
  Result<void> finish();

 private:
  explicit ManifestWriter(std::string file) : file_(std::move(file)), out_(file_) {}
  std::string file_;
  std::ofstream out_;
  std::size_t count_ = 0;
};

}  // namespace pennypost::smtp
