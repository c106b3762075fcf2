#include "store/login/throttle_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/safe_open.h"
#include "store/login/auth_messages.h"

namespace pennypost::store {
namespace {

constexpr std::string_view magic = "pennypost throttle 1\n";
constexpr const char* file_name = "throttle";

Error failed(const std::string& directory) {
  return Error::temporary(directory + "/" + file_name + ": " + std::strerror(errno));
}

Descriptor open_directory(const std::string& directory) {
  return Descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

std::string throttle_directory(const Config& config) { return config.data_directory + "/auth"; }

Result<std::vector<ThrottleEntry>> load_throttle(const std::string& directory) {
  Descriptor folder = open_directory(directory);
  if (!folder && errno == ENOENT) return std::vector<ThrottleEntry>();
  if (!folder) return failed(directory);
  Descriptor file = open_beneath(folder.number(), file_name, O_RDONLY | O_NONBLOCK);
  if (!file && errno == ENOENT) return std::vector<ThrottleEntry>();
  if (!file) return failed(directory);
  struct stat status {};
  bool is_ours = ::fstat(file.number(), &status) == 0 && S_ISREG(status.st_mode) &&
                 is_written_only_by(status, ::geteuid());
  if (!is_ours) return Error::permanent(directory + "/" + file_name + ": belongs to others");
  std::string path = directory + "/" + file_name;
  TRY(auto bytes, read_up_to(file.number(), magic.size() + state_bytes_max + 1, path));
  if (bytes.size() > magic.size() + state_bytes_max) return Error::permanent(path + ": too large");
  if (!bytes.starts_with(magic)) {
    return Error::permanent(directory + "/" + file_name + ": of another version");
  }
  return parse_state(std::string_view(bytes).substr(magic.size()));
}

Result<void> save_throttle(const std::string& directory,
                           const std::vector<ThrottleEntry>& entries) {
  Descriptor folder = open_directory(directory);
  if (!folder) return failed(directory);
  std::string beside = std::string(file_name) + "." + std::to_string(::getpid());
  ::unlinkat(folder.number(), beside.c_str(), 0);
  Descriptor file(::openat(folder.number(), beside.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failed(directory);
  std::string bytes = std::string(magic) + encode_state(entries);
  auto written = write_all(file.number(), bytes, directory + "/" + beside);
  if (written && ::renameat(folder.number(), beside.c_str(), folder.number(), file_name) == 0) {
    return {};
  }
  auto problem = written ? failed(directory) : std::move(written).error();
  ::unlinkat(folder.number(), beside.c_str(), 0);
  return problem;
}

}  // namespace pennypost::store
