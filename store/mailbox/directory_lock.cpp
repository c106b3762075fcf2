#include "store/mailbox/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <thread>

#include "common/base/file.h"

namespace pennypost::store {

namespace {
constexpr auto pause_between_tries = std::chrono::milliseconds(5);
}

Result<Descriptor> lock_directory(const std::string& path, std::chrono::milliseconds wait) {
  TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto deadline = std::chrono::steady_clock::now() + wait;
  while (::flock(directory.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return file_error("lock", path);
    if (std::chrono::steady_clock::now() > deadline) {
      return Error(451, ResponseCode::InUse, "another program keeps " + path + " locked");
    }
    std::this_thread::sleep_for(pause_between_tries);
  }
  return directory;
}

}  // namespace pennypost::store
