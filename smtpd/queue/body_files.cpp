#include "smtpd/queue/body_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <memory>

#include "common/base/file.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/refusal.h"

namespace pennypost::smtp {

Result<BodyFiles> BodyFiles::open(const std::filesystem::path& directory) {
  TRY_DO(make_directory(directory.string()));
  TRY(auto descriptor, open_file(directory.string(), O_RDONLY | O_DIRECTORY));
  return BodyFiles(directory, std::move(descriptor));
}

Result<Descriptor> BodyFiles::create(const QueueId& id) const {
  Descriptor file(::openat(directory_.number(), id.value().c_str(),
                           O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file) return file;
  auto error = file_error("create", name_of(id));
  if (error.code() != 452) return error;
  return Error(452, "4.3.1", insufficient_storage().text() + ": " + error.text());
}

Result<Descriptor> BodyFiles::open_to_read(const QueueId& id) const {
  Descriptor file(::openat(directory_.number(), id.value().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return file_error("open", name_of(id));
  return file;
}

Result<std::uint64_t> BodyFiles::size(const QueueId& id) const {
  struct stat found {};
  if (::fstatat(directory_.number(), id.value().c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    return file_error("check", name_of(id));
  }
  return static_cast<std::uint64_t>(found.st_size);
}

Result<void> BodyFiles::sync_directory() const {
  return sync_file(directory_.number(), path_.string());
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

}  // namespace pennypost::smtp
