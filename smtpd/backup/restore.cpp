#include "smtpd/backup/restore.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/process/privileges.h"
#include "smtpd/backup/copier.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t bytes_at_once = 256 * 1024;
constexpr std::size_t shown_max = 5;
constexpr std::string_view beside = ".pennypost-restore";

struct Owner {
  uid_t user;
  gid_t group;
};
Owner owner_of(const BackupItem& item) {
  Owner owner{item.uid, item.gid};
  const passwd* user = item.user.empty() ? nullptr : ::getpwnam(item.user.c_str());
  if (user != nullptr) owner.user = user->pw_uid;
  const group* found = item.group.empty() ? nullptr : ::getgrnam(item.group.c_str());
  if (found != nullptr) owner.group = found->gr_gid;
  return owner;
}

/// Whether what is at `path` has the item's content, as far as that shows from outside.
bool is_there(const BackupItem& item, const std::string& path) {
  struct stat status {};
  if (item.kind == BackupItem::Kind::Link) {
    std::error_code problem;
    return fs::read_symlink(path, problem) == item.target && !problem;
  }
  if (::stat(path.c_str(), &status) != 0) return false;
  if (item.kind == BackupItem::Kind::Directory) return S_ISDIR(status.st_mode);
  return S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == item.size &&
         status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec == item.mtime_ns;
}

class HostRestore {
 public:
  HostRestore(const RestoreJob& job, const Manifest& manifest)
      : job_(job), manifest_(manifest), database_(manifest.host.queue_directory + "/db") {}

  Result<RestoreDone> run() {
    if (!job_.overwrites) {
      TRY_DO(look_for_others());
    }
    TRY_DO(set_database_aside());
    for (const auto& item : manifest_.items) {
      TRY_DO(restore(item));
    }
    // Last, since a directory may be closed to who writes into it.
    for (auto item = manifest_.items.rbegin(); item != manifest_.items.rend(); ++item) {
      if (item->kind != BackupItem::Kind::Directory) continue;
      TRY_DO(own(*item, there(*item)));
    }
    return std::move(done_);
  }

 private:
  std::string there(const BackupItem& item) const { return job_.root + item.path; }

  /// Whatever would be replaced.
  Result<void> look_for_others() const {
    std::string names;
    std::size_t count = 0;
    for (const auto& item : manifest_.items) {
      struct stat status {};
      std::string path = there(item);
      if (::lstat(path.c_str(), &status) != 0 || is_there(item, path)) continue;
      if (++count <= shown_max) names += (names.empty() ? "" : ", ") + path;
    }
    if (has_other_database()) {
      names += (names.empty() ? "" : ", ") + job_.root + database_;
      ++count;
    }
    if (count == 0) return {};
    return Error::permanent("nothing was restored: " + std::to_string(count) +
                            " files are there that differ, such as " + printable(names, 1000) +
                            "; move them away, or let them be replaced with --overwrite");
  }

  /// A queue other than the one that a restore before this has begun to bring back.
  bool has_other_database() const {
    std::error_code problem;
    bool is_queue = fs::exists(job_.root + database_ + "/CURRENT", problem);
    for (const auto& item : manifest_.items) {
      if (!is_queue || item.path != database_ + "/CURRENT") continue;
      is_queue = !is_there(item, there(item));
    }
    return is_queue;
  }

  Result<void> set_database_aside() {
    if (!has_other_database()) return {};
    std::string old = job_.root + database_ + ".before-" + std::to_string(std::time(nullptr));
    std::error_code problem;
    fs::rename(job_.root + database_, old, problem);
    if (problem) return Error::temporary(job_.root + database_ + ": " + problem.message());
    done_.warnings.push_back("the queue that was here is in " + old);
    return {};
  }

  Result<void> restore(const BackupItem& item) {
    std::string path = there(item);
    if (is_there(item, path)) {
      if (item.kind == BackupItem::Kind::File) ++done_.kept;
      return {};
    }
    std::error_code problem;
    fs::create_directories(fs::path(path).parent_path(), problem);
    if (problem) return Error::temporary(path + ": " + problem.message());
    if (item.kind == BackupItem::Kind::Directory) return make_directory(path);
    if (item.kind == BackupItem::Kind::Link) return make_link(item, path);
    TRY(auto from, open_item(job_, item));
    TRY_DO(bring_back(from, item, path, path + std::string(beside), true));
    ++done_.files;
    done_.bytes += item.size;
    return {};
  }

  static Result<void> make_link(const BackupItem& item, const std::string& path) {
    std::string fresh = path + std::string(beside);
    ::unlink(fresh.c_str());
    if (::symlink(item.target.c_str(), fresh.c_str()) != 0 ||
        ::rename(fresh.c_str(), path.c_str()) != 0) {
      return file_error("make", path);
    }
    Owner owner = owner_of(item);
    if (is_root() && ::lchown(path.c_str(), owner.user, owner.group) != 0) {
      return file_error("chown", path);
    }
    return {};
  }

  static Result<void> own(const BackupItem& item, const std::string& path) {
    Owner owner = owner_of(item);
    if (is_root() && ::chown(path.c_str(), owner.user, owner.group) != 0) {
      return file_error("chown", path);
    }
    if (::chmod(path.c_str(), item.mode) != 0) return file_error("chmod", path);
    return {};
  }

  const RestoreJob& job_;
  const Manifest& manifest_;
  std::string database_;
  RestoreDone done_;
};

}  // namespace

Result<Descriptor> open_item(const RestoreJob& job, const BackupItem& item) {
  return open_file(job.directory + std::string(backup_files) + item.path, O_RDONLY | O_NOFOLLOW);
}

Result<void> bring_back(const Descriptor& from, const BackupItem& item, const std::string& path,
                        const std::string& fresh, bool sets_owner) {
  ::unlink(fresh.c_str());
  TRY(auto out, open_file(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  Sha256 digest;
  for (std::uint64_t at = 0;;) {
    TRY(auto bytes, read_range(from.number(), at, bytes_at_once, item.path));
    if (bytes.empty()) break;
    digest.add(bytes);
    at += bytes.size();
    TRY_DO(write_all(out.number(), bytes, fresh));
  }
  if (hex_encode(digest.finish()) != item.digest) {
    ::unlink(fresh.c_str());
    return Error::permanent(item.path + " is damaged in the backup: not what was copied; restore " +
                            "from another backup (pennypost backup list)");
  }
  Owner owner = owner_of(item);
  if (sets_owner && is_root() && ::fchown(out.number(), owner.user, owner.group) != 0) {
    return file_error("chown", fresh);
  }
  timespec time{};
  time.tv_sec = item.mtime_ns / 1'000'000'000;
  time.tv_nsec = item.mtime_ns % 1'000'000'000;
  const timespec times[] = {time, time};
  if (::fchmod(out.number(), item.mode) != 0 || ::futimens(out.number(), times) != 0) {
    return file_error("chmod", fresh);
  }
  TRY_DO(sync_file(out.number(), fresh));
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_error("rename", fresh);
  return {};
}

Result<RestoreDone> restore_host(const RestoreJob& job, const Manifest& manifest) {
  return HostRestore(job, manifest).run();
}

}  // namespace pennypost::smtp
