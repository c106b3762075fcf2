#include "common/base/own_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/safe_open.h"

namespace pennypost {
namespace {

/// 0 if the file is acceptable, else the errno for what it is instead.
int judge(const Descriptor& file) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return errno;
  if (S_ISREG(status.st_mode)) return status.st_nlink > 1 ? EMLINK : 0;
  // Only root can make a device; in a container its owner is often unknown.
  if (S_ISCHR(status.st_mode)) return 0;
  return S_ISFIFO(status.st_mode) && status.st_uid == 0 ? 0 : EPERM;
}

void let_wait(const Descriptor& file) {
  int flags = ::fcntl(file.number(), F_GETFL);
  ::fcntl(file.number(), F_SETFL, flags & ~O_NONBLOCK);
}

}  // namespace

Descriptor open_own_file(const std::string& path, int flags, mode_t mode) {
  if (::geteuid() != 0) return Descriptor(::open(path.c_str(), flags | O_CLOEXEC, mode));
  int careful = flags | O_NONBLOCK | O_NOCTTY;
  // Root's links are followed to an existing file, but never to create one.
  auto file = open_trusted(path, {}, careful & ~O_CREAT);
  if (!file && errno == ENOENT && (flags & O_CREAT) != 0) {
    file = open_trusted(path, {}, careful, mode);
  }
  if (!file) return file;
  if (int problem = judge(file); problem != 0) {
    file.close();
    errno = problem;
    return file;
  }
  let_wait(file);
  return file;
}

std::string describe_refusal(const std::string& path, int problem) {
  switch (problem) {
    case ELOOP:
      return path +
             ": the path has a symbolic link that a user other than root could replace, and root "
             "does not follow it; remove it, or set the path to which it should lead";
    case EMLINK:
      return path +
             ": the file has a second name (a hard link) and may be another user's; remove it";
    case EPERM:
      return path + ": it is not a regular file; remove it";
    default:
      return path + ": " + std::strerror(problem);
  }
}

}  // namespace pennypost
