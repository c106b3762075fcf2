#include "smtpd/queue/directories.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "smtpd/queue/body_files.h"

namespace pennypost::smtp {
namespace {

Result<void> prepare(const std::string& path, mode_t mode, uid_t owner, gid_t group) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return file_error("create " + path, errno);
  }
  if (::geteuid() == 0 && ::chown(path.c_str(), owner, group) != 0) {
    return file_error("give " + path + " to its owner", errno);
  }
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return file_error("look at " + path, errno);
  if ((found.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0) {
    return file_error("set the mode of " + path, errno);
  }
  return {};
}

}  // namespace

Result<void> prepare_queue_directories(const Config& config) {
  uid_t owner = ::geteuid();
  gid_t group = ::getegid();
  gid_t drop = group;
  if (owner == 0) {
    const passwd* account = ::getpwnam(config.mail_owner.c_str());
    if (account == nullptr) {
      return Error(451, "mail_owner = " + config.mail_owner +
                            ": there is no such account; useradd "
                            "--system --no-create-home " +
                            config.mail_owner);
    }
    owner = account->pw_uid;
    group = account->pw_gid;
    const struct group* setgid = ::getgrnam(config.setgid_group.c_str());
    if (setgid == nullptr) {
      return Error(451, "setgid_group = " + config.setgid_group +
                            ": there is no such group; "
                            "groupadd --system " +
                            config.setgid_group);
    }
    drop = setgid->gr_gid;
  }
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(config.queue_directory).parent_path(),
                                      ignored);
  TRY_DO(prepare(config.queue_directory, 0755, owner, group));
  // Mail is nobody's business but its owner's.
  TRY_DO(prepare(config.queue_directory + "/db", 0700, owner, group));
  return prepare(config.queue_directory + "/maildrop", 01730, owner, drop);
}

}  // namespace pennypost::smtp
