#include "store/mailbox/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>

#include "common/base/safe_open.h"

namespace pennypost::store {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::uint64_t small_file_room = 64 << 10;

}  // namespace

bool is_no_room(const Error& error) { return error.code() == 452; }

bool has_room(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return false;
  bool has_inodes = disk.f_files == 0 || disk.f_favail > 0;  // some file systems don't count them
  return has_inodes && disk.f_bavail * disk.f_frsize >= small_file_room;
}

Error missing_mailbox(const std::string& path) {
  return Error(451, ResponseCode::Unavailable,
               "there is no mailbox " + path + "; create it, or set mailbox_auto_create_dirs = yes")
      .told("The mailbox has not been made yet; ask the administrator");
}

bool is_own(const struct stat& status) {
  return status.st_uid == ::geteuid() && is_written_only_by(status, status.st_uid);
}

Error distrusted(const std::string& path) {
  return Error(451, ResponseCode::NoPerm,
               path +
                   " must belong to the account, and nobody else may write to it; give it "
                   "back (chown), or close it (chmod go-w)");
}

FileStamp FileStamp::of(const struct stat& status) {
  FileStamp stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.mtime_ns = status.st_mtim.tv_sec * second_ns + status.st_mtim.tv_nsec;
  return stamp;
}

FileStamp FileStamp::of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return of(status);
}

bool FileStamp::settled(std::int64_t now_ns) const {
  // Kernels use the time of the last tick (at most 10 ms old); old file systems have whole seconds.
  std::int64_t granularity = mtime_ns % second_ns == 0 ? 2 * second_ns : second_ns / 20;
  return mtime_ns + granularity < now_ns;
}

std::int64_t wall_clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<void> replace_file(const std::string& path, const std::string& beside, std::string_view text,
                          bool sync) {
  TRY(auto file, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC));
  auto written = write_all(file.number(), text, beside);
  if (written && sync) written = sync_file(file.number(), beside);
  if (written && ::rename(beside.c_str(), path.c_str()) != 0) written = file_error("replace", path);
  if (!written) ::unlink(beside.c_str());
  return written;
}

std::string parent_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return file_error("create", path);
  auto slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return file_error("create", path, ENOENT);
  TRY_DO(make_directories(path.substr(0, slash), mode));
  return make_directory(path, mode);
}

Result<void> list_directory(const std::string& path, std::size_t names_max,
                            const std::function<void(std::string_view, unsigned char)>& each) {
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return file_error("read", path);
  for (std::size_t count = 0;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return file_error("read", path);
    if (entry == nullptr) return {};
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++count > names_max) {
      return Error(451, ResponseCode::Limit,
                   path + " has more than " + std::to_string(names_max) + " entries");
    }
    each(name, entry->d_type);
  }
}

Result<void> remove_tree(const std::string& path, int depth_max) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return file_error("remove", path);
  if (depth_max == 0) return file_error("remove", path, ELOOP);
  std::vector<std::string> names;
  TRY_DO(list_directory(path, SIZE_MAX,
                        [&](std::string_view name, unsigned char) { names.emplace_back(name); }));
  for (const auto& name : names) {
    TRY_DO(remove_tree(path + "/" + name, depth_max - 1));
  }
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path);
  return {};
}

}  // namespace pennypost::store
