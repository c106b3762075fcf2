// Names the place of a mailbox file: a path, or a name in an open directory.
//
// Most places are paths, used with the process's own rights. The mail spool is different: files
// there are made and removed with the rights of mail_privileged_group, which the process holds as
// its saved group. Users can replace their directories with links to the spool at any moment, so
// this group is borrowed only for the file in mail_spool_directory that has the account's name, and
// for its lock, and only relative to the spool's descriptor. Links are not followed there.
//
// SEE ALSO   ../mbox/lock.h (who opens mboxes), dotlock.h, ../../common/base/safe_open.h
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

class FilePlace {
 public:
  /// Anywhere, with the process's own rights. Links are followed as usual.
  explicit FilePlace(std::string path) : path_(std::move(path)), name_(path_) {}
  /// `name` in `directory`, with the process's own rights; a link under that name is not followed.
  FilePlace(std::shared_ptr<const Descriptor> directory, const std::string& directory_path,
            std::string name)
      : path_(directory_path + "/" + name),
        name_(std::move(name)),
        directory_(std::move(directory)) {}

  /// The place of an mbox. It is in the spool if `path` is directly in settings.spool_directory,
  /// under any path of that directory, and is named settings.spool_name.
  static FilePlace of_mbox(const std::string& path, const StoreSettings& settings);

  /// For errors, and to compare places.
  const std::string& path() const { return path_; }
  /// Whether it is the account's file in the mail spool.
  bool is_in_spool() const { return borrows_group_; }
  /// The file with `suffix` appended to its name, in the same directory and with the same rights.
  FilePlace with_suffix(std::string_view suffix) const;

  /// Opens with the process's own rights; never waits for a FIFO or device. errno as for open(2);
  /// ELOOP for a link in an open directory.
  Descriptor open(int flags, mode_t mode = 0600) const;
  /// Makes the file, in the spool with the group's rights; EEXIST if there is one, or a link.
  Descriptor create(int flags, mode_t mode) const;
  /// Unlinks it, in the spool with the group's rights.
  bool remove() const;
  /// Moves it to the name of `target`, which lies in the same directory.
  bool rename_to(const FilePlace& target) const;
  /// Makes the directory's entries durable.
  Result<void> sync_directory() const;
  /// The file's status; false with errno if there is none. Like open() it does not follow links.
  bool look(struct stat& status) const;
  /// All zero if nothing is there.
  FileStamp stamp() const;

 private:
  int directory() const;

  std::string path_;
  std::string name_;  // relative to the directory; without one the whole path
  std::shared_ptr<const Descriptor> directory_;
  bool borrows_group_ = false;
};

}  // namespace pennypost::store
