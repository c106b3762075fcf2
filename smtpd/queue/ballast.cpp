#include "smtpd/queue/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/file.h"

namespace pennypost::smtp {

bool Ballast::is_there() const {
  struct stat found {};
  return ::stat(file_.c_str(), &found) == 0 &&
         static_cast<std::uint64_t>(found.st_blocks) * 512 >= bytes_;
}

Result<void> Ballast::make() const {
  if (bytes_ == 0 || is_there()) return {};
  struct statvfs disk {};
  if (::statvfs(file_.parent_path().c_str(), &disk) != 0) {
    return file_error("check", file_.parent_path().string());
  }
  if (disk.f_bavail * disk.f_frsize < 2 * bytes_) {
    return file_error("create", file_.string(), ENOSPC);
  }
  TRY(auto file, open_file(file_.string(), O_RDWR | O_CREAT));
  int problem = ::posix_fallocate(file.number(), 0, static_cast<off_t>(bytes_));
  if (problem != 0) {
    release();
    return file_error("create", file_.string(), problem);
  }
  return {};
}

bool Ballast::release() const { return ::unlink(file_.c_str()) == 0; }

}  // namespace pennypost::smtp
