#include "common/process/directories.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace pennypost {

Result<void> prepare_directory(const std::string& path, mode_t mode, const Identity* owner,
                               const std::string& parameter) {
  auto failed = [&] {
    return Error::permanent(path + " (" + parameter + "): " + std::strerror(errno) +
                            "; make it, or set another directory");
  };
  std::error_code problem;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), problem);
  if (mkdir(path.c_str(), mode) != 0) {
    if (errno != EEXIST) return failed();
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return failed();
    if (S_ISDIR(status.st_mode)) return {};
    errno = ENOTDIR;
    return failed();
  }
  if (chmod(path.c_str(), mode) != 0) return failed();
  if (is_root() && owner != nullptr && chown(path.c_str(), owner->uid, owner->gid) != 0) {
    return failed();
  }
  return {};
}

}  // namespace pennypost
