#include "popd/login_delay.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "store/mailbox/file.h"

namespace pennypost::pop {

Result<std::chrono::seconds> note_login(const std::string& directory, std::chrono::seconds delay,
                                        const Clock& clock) {
  auto path = directory + "/.pennypost-pop3-login";
  std::chrono::seconds now(clock.now_seconds());
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    auto since = now - std::chrono::seconds(status.st_mtim.tv_sec);
    if (since.count() >= 0 && since < delay) return delay - since;
  }
  TRY_DO(store::make_directories(directory));
  TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW));
  struct timespec times[2] = {{now.count(), 0}, {now.count(), 0}};
  if (::futimens(file.number(), times) != 0) return file_error("set the time of", path);
  return std::chrono::seconds(0);
}

}  // namespace pennypost::pop
