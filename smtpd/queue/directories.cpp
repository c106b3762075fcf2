#include "smtpd/queue/directories.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "common/process/directories.h"

namespace pennypost::smtp {
namespace {

/// Anyone who can replace the queue's directory by another can read and lose all mail.
Result<void> check_place(const std::string& directory) {
  auto stranger = who_may_exchange(directory, Groups::Trusted);
  if (!stranger) return {};
  return Error(451, "queue_directory = " + directory + ": " + stranger->reason +
                        ", who could replace the queue; all directories above it must belong to "
                        "root (chown root, chmod go-w), or set another queue_directory");
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
  const std::string& directory = config.queue_directory;
  if (is_root()) {
    TRY_DO(check_place(directory));
  }
  TRY(auto queue, own_directory(directory, 0755, owner, group, "queue_directory"));
  // Nobody but the owner may read mail.
  TRY_DO(own_directory_in(queue, "db", 0700, owner, group, directory + "/db"));
  TRY_DO(own_directory_in(queue, "remembered", 0700, owner, group, directory + "/remembered"));
  TRY_DO(own_directory_in(queue, "maildrop", 01730, owner, drop, directory + "/maildrop"));
  return {};
}

}  // namespace pennypost::smtp
