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

std::string_view remedy(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "; give the mailbox's owner the right to it (chown, chmod, also of the directories "
             "above)";
    case ENOSPC:
      return "; make room on that file system";
    case EDQUOT:
      return "; the disk quota of its owner is used up";
    case EROFS:
      return "; the file system is mounted read-only";
    default:
      return "";
  }
}

ResponseCode response_code(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ResponseCode::NoPerm;
    case EDQUOT:
      return ResponseCode::OverQuota;
    default:
      return ResponseCode::Unavailable;
  }
}

}  // namespace

Error file_error(std::string_view verb, const std::string& path, int error) {
  std::string text("can't ");
  text.append(verb).append(" ").append(path).append(": ");
  text.append(std::strerror(error)).append(remedy(error));
  Error made(error == ENOSPC || error == EDQUOT ? 452 : 451, response_code(error), std::move(text));
  if (error == ENOSPC) return made.told("There is no space left on the server; try again later");
  return made;
}

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

Result<Descriptor> open_file(const std::string& path, int flags, mode_t mode) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file) return file_error((flags & O_CREAT) != 0 ? "create" : "open", path);
  return file;
}

Result<std::string> read_range(int descriptor, std::uint64_t offset, std::uint64_t length,
                               const std::string& path) {
  std::string bytes(length, '\0');
  std::size_t got = 0;
  while (got < length) {
    auto count =
        ::pread(descriptor, bytes.data() + got, length - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path);
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

Result<std::optional<std::string>> read_file(const std::string& path, std::uint64_t bytes_max) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::optional<std::string>();
  if (!file) return file_error("open", path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", path);
  auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > bytes_max) return file_error("read", path, EFBIG);
  TRY(auto bytes, read_range(file.number(), 0, size, path));
  return std::optional<std::string>(std::move(bytes));
}

Result<void> write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> sync_file(int descriptor, const std::string& path) {
  if (::fsync(descriptor) != 0) return file_error("sync", path);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY));
  return sync_file(directory.number(), path);
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

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return file_error("create", path);
  return {};
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
