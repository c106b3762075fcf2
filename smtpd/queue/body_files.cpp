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
  std::lock_guard lock(removals_->mutex);
  if (removals_->are_held) {
    removals_->noted.push_back(id);
    return;
  }
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

Result<void> BodyFiles::link_all(const std::filesystem::path& directory) const {
  TRY_DO(make_directory(directory.string()));
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(path_.c_str()), ::closedir);
  if (!entries) return file_error("read", path_.string());
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (!is_queue_id(name)) continue;
    std::string link = (directory / name).string();
    // One that is gone is of a reception that was broken off.
    if (::linkat(directory_.number(), name.c_str(), AT_FDCWD, link.c_str(), 0) != 0 &&
        errno != ENOENT) {
      return file_error("link", link);
    }
  }
  return {};
}

BodyFiles::Hold::Hold(const BodyFiles& files) : files_(files) {
  std::lock_guard lock(files_.removals_->mutex);
  files_.removals_->are_held = true;
}

BodyFiles::Hold::~Hold() {
  std::vector<QueueId> noted;
  {
    std::lock_guard lock(files_.removals_->mutex);
    files_.removals_->are_held = false;
    noted.swap(files_.removals_->noted);
  }
  for (const auto& id : noted) files_.remove(id);
}

}  // namespace pennypost::smtp
