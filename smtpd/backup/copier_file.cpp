// Copies one file into a backup, or links the same one of an earlier backup.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/process/privileges.h"
#include "smtpd/backup/copier.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t copy_bytes_at_once = 256 * 1024;
constexpr std::uint64_t files_between_reports = 64;
constexpr int tries_of_changing_file = 3;

bool is_unchanged(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

Result<void> Copier::copy_file(const Descriptor& file, struct stat status, const Place& place) {
  if (place.owner && status.st_uid != *place.owner && status.st_nlink > 1) {
    warn(place.path + ": belongs to another user and has a second name; left out");
    return {};
  }
  if (::access(in_backup(place.path_there).c_str(), F_OK) == 0) return {};  // by another place
  auto item = item_of(BackupItem::Kind::File, status, place.path_there);
  if (!try_link(status, place, item)) {
    TRY(bool is_copied, copy_bytes(file, status, place, item));
    if (!is_copied) return {};
  }
  if (status.st_nlink > 1) several_names_.emplace(status.st_ino, item);
  ++counts_.files;
  note(item);
  if (progress_ && counts_.files % files_between_reports == 0) progress_(counts_);
  return {};
}

bool Copier::try_link(const struct stat& status, const Place& place, BackupItem& item) {
  std::string there = in_backup(place.path_there);
  auto link_to = [&](const std::string& from, const BackupItem& known) {
    struct stat kept {};
    if (::lstat(from.c_str(), &kept) != 0 || !S_ISREG(kept.st_mode) ||
        !known.has_content_of(kept) || ::link(from.c_str(), there.c_str()) != 0) {
      return false;
    }
    item.digest = known.digest;
    ++counts_.linked;
    return true;
  };
  auto own = several_names_.find(status.st_ino);
  bool is_own = own != several_names_.end() && own->second.device == status.st_dev &&
                own->second.is_same(status);
  if (is_own && link_to(in_backup(own->second.path), own->second)) return true;
  return std::ranges::any_of(earlier_, [&](const EarlierBackup& earlier) {
    const auto* known = earlier.find(status, place.path_there);
    return known != nullptr && link_to(earlier.file_of(*known), *known);
  });
}

/// A file that changes meanwhile is copied again. False: it can't be read.
Result<bool> Copier::copy_bytes(const Descriptor& file, struct stat& status, const Place& place,
                                BackupItem& item) {
  std::string there = in_backup(place.path_there);
  // Never one that exists: its inode may be an earlier backup's, too.
  TRY(auto out, open_file(there, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  for (int left = tries_of_changing_file; left > 0; --left) {
    Sha256 digest;
    std::uint64_t at = 0;
    if (::ftruncate(out.number(), 0) != 0 || ::lseek(out.number(), 0, SEEK_SET) != 0) {
      return file_error("write", there);
    }
    for (;;) {
      auto bytes = read_range(file.number(), at, copy_bytes_at_once, place.path);
      if (!bytes) {
        warn(bytes.error().text());
        ::unlink(there.c_str());
        return false;
      }
      if (bytes->empty()) break;
      digest.add(*bytes);
      at += bytes->size();
      TRY_DO(write_all(out.number(), *bytes, there));
      if (progress_) progress_(counts_);
    }
    counts_.bytes_copied += at;
    struct stat now {};
    if (::fstat(file.number(), &now) != 0) return file_error("read", place.path);
    bool is_whole = is_unchanged(status, now) && at == static_cast<std::uint64_t>(now.st_size);
    status = now;
    item = item_of(BackupItem::Kind::File, status, place.path_there);
    item.size = at;
    item.digest = hex_encode(digest.finish());
    if (!is_whole && left > 1) continue;
    if (!is_whole) warn(place.path + ": changed while it was copied");
    if (is_root() && ::fchown(out.number(), status.st_uid, status.st_gid) != 0) {
      return file_error("chown", there);
    }
    const timespec times[] = {status.st_atim, status.st_mtim};
    if (::fchmod(out.number(), status.st_mode & 07777u) != 0 ||
        ::futimens(out.number(), times) != 0) {
      return file_error("chmod", there);
    }
    return true;
  }
  return false;
}

BackupItem Copier::item_of(BackupItem::Kind kind, const struct stat& status,
                           const std::string& path) {
  BackupItem item;
  item.kind = kind;
  item.path = path;
  item.mode = status.st_mode & 07777u;
  item.uid = status.st_uid;
  item.gid = status.st_gid;
  if (!users_.contains(item.uid)) {
    const passwd* user = ::getpwuid(item.uid);
    users_[item.uid] = user == nullptr ? "" : user->pw_name;
  }
  if (!groups_.contains(item.gid)) {
    const group* found = ::getgrgid(item.gid);
    groups_[item.gid] = found == nullptr ? "" : found->gr_name;
  }
  item.user = users_[item.uid];
  item.group = groups_[item.gid];
  item.size = static_cast<std::uint64_t>(status.st_size);
  item.mtime_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  item.device = status.st_dev;
  item.inode = status.st_ino;
  return item;
}

}  // namespace pennypost::smtp
