#include "smtpd/commands/user_shares.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "common/process/mail_rights.h"
#include "store/sharing/share_cleanup.h"

namespace pennypost::smtp {
namespace {

Result<void> take_rights(const Config& config) {
  ::umask(077);
  if (!is_root()) return {};
  TRY(auto owner, Identity::of_user(config.virtual_mail_owner, "virtual_mail_owner"));
  TRY(auto keep, mail_rights(config, std::move(owner)));
  return drop_privileges(keep);
}

}  // namespace

Result<void> clean_shares(const std::shared_ptr<const Config>& config, const std::string& old_name,
                          const std::string& new_name) {
  if (!store::has_shares(*config)) return {};
  std::cerr.flush();
  pid_t pid = ::fork();
  if (pid < 0) return Error::temporary(std::string("fork: ") + std::strerror(errno));
  if (pid == 0) {
    auto done = take_rights(*config);
    if (done) done = store::rename_in_shares(config, old_name, new_name);
    if (!done) std::cerr << "pennypost user: " << done.error().text() << std::endl;
    ::_exit(done ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error::temporary("mailboxes are still shared with " + old_name +
                          "; the next change of users tries again");
}

}  // namespace pennypost::smtp
