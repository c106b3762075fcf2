#include "common/process/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"

namespace pennypost {
namespace {

std::string path_of(const std::string& directory, const std::string& name) {
  return directory + "/" + name + ".pid";
}

}  // namespace

Result<PidFile> PidFile::create(const std::string& directory, const std::string& name) {
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return Error::permanent(directory + " (base_dir): " + std::strerror(errno) +
                            "; make it, or set base_dir to a directory of yours");
  }
  std::string path = path_of(directory, name);
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return Error::permanent(path + ": " + std::strerror(errno));
  if (flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    auto holder = running(directory, name);
    return Error::permanent(name + " is running already" +
                            (holder ? ", as process " + std::to_string(*holder) : "") +
                            "; stop it first (" + path + ")");
  }
  std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(file.number(), 0) != 0 ||
      pwrite(file.number(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return Error::permanent(path + ": " + std::strerror(errno));
  }
  return PidFile(std::move(file));
}

std::optional<pid_t> PidFile::running(const std::string& directory, const std::string& name) {
  Descriptor file(open(path_of(directory, name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  if (flock(file.number(), LOCK_SH | LOCK_NB) == 0) return {};
  char bytes[32];
  auto count = pread(file.number(), bytes, sizeof bytes, 0);
  if (count <= 0) return {};
  auto number = parse_number(trim({bytes, static_cast<std::size_t>(count)}));
  if (!number) return {};
  return static_cast<pid_t>(*number);
}

}  // namespace pennypost
