#include "smtpd/queue/body_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {

Error file_error(const std::string& what, int number) {
  bool is_full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  std::string text = what + ": " + std::strerror(number);
  if (is_full) return Error(452, "4.3.1", "Insufficient system storage: " + text);
  return Error(451, "4.3.0", text);
}

Result<BodyFiles> BodyFiles::open(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return file_error("create " + directory.string(), errno);
  }
  Descriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return file_error("open " + directory.string(), errno);
  return BodyFiles(directory, std::move(descriptor));
}

Result<Descriptor> BodyFiles::create(const QueueId& id) const {
  Descriptor file(::openat(directory_.number(), id.value().c_str(),
                           O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return file_error("create body file " + id.value(), errno);
  return file;
}

Result<Descriptor> BodyFiles::open_to_read(const QueueId& id) const {
  Descriptor file(::openat(directory_.number(), id.value().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return file_error("open body file " + id.value(), errno);
  return file;
}

Result<std::uint64_t> BodyFiles::size(const QueueId& id) const {
  struct stat found {};
  if (::fstatat(directory_.number(), id.value().c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    return file_error("check body file " + id.value(), errno);
  }
  return static_cast<std::uint64_t>(found.st_size);
}

Result<void> BodyFiles::sync_directory() const {
  if (::fsync(directory_.number()) != 0) return file_error("sync " + path_.string(), errno);
  return {};
}

void BodyFiles::remove(const QueueId& id) const {
  ::unlinkat(directory_.number(), id.value().c_str(), 0);
}

std::size_t BodyFiles::remove_orphans(std::chrono::seconds age,
                                      const std::function<bool(const QueueId&)>& is_known) const {
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(path_.c_str()), ::closedir);
  if (!entries) return 0;
  std::size_t count = 0;
  auto newest = ::time(nullptr) - age.count();
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (!is_queue_id(name) || is_known(QueueId(name))) continue;
    struct stat found {};
    if (::fstatat(directory_.number(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (age.count() > 0 && found.st_mtim.tv_sec > newest) continue;
    if (::unlinkat(directory_.number(), name.c_str(), 0) == 0) ++count;
  }
  return count;
}

Result<std::string> read_range(const Descriptor& file, std::uint64_t offset, std::uint64_t length) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    ssize_t count = ::pread(file.number(), bytes.data() + done, length - done,
                            static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", errno);
    if (count == 0) return Error(451, "4.3.0", "a file is shorter than it was");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

Result<void> write_all(const Descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(file.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace pennypost::smtp
