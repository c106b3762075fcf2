#include "store/login/mail_directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/descriptor.h"
#include "common/process/directories.h"
#include "store/login/auth_peers.h"
#include "store/login/throttle_file.h"

namespace pennypost::store {
namespace {

/// Prepares a directory for the auth process alone. auth_user may have changed since it was made.
Result<void> prepare_auth_directory(const std::string& path, const Identity* owner,
                                    const std::string& parameter) {
  TRY_DO(prepare_directory(path, 0700, owner, parameter));
  if (!is_root()) return {};
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  uid_t uid = owner == nullptr ? 0 : owner->uid;
  gid_t gid = owner == nullptr ? 0 : owner->gid;
  if (!directory || ::fchown(directory.number(), uid, gid) != 0 ||
      ::fchmod(directory.number(), 0700) != 0) {
    return Error::permanent(path + " (" + parameter + "): " + std::strerror(errno));
  }
  return {};
}

Result<void> prepare_auth_directories(const Config& config) {
  Identity owner;
  bool is_unprivileged = is_root() && !config.system_users;
  if (is_unprivileged) {
    TRY(owner, Identity::of_user(config.auth_user, "auth_user"));
  }
  const Identity* set_owner = is_unprivileged ? &owner : nullptr;
  TRY_DO(prepare_auth_directory(auth_socket_directory(config), set_owner, "base_dir"));
  return prepare_auth_directory(throttle_directory(config), set_owner, "data_directory");
}

}  // namespace

Result<void> prepare_mail_directories(const Config& config) {
  Identity owner;
  Identity* set_owner = nullptr;
  if (is_root()) {
    TRY(owner, Identity::of_user(config.virtual_mail_owner, "virtual_mail_owner"));
    set_owner = &owner;
  }
  TRY_DO(prepare_directory(config.virtual_mailbox_base, 0755, set_owner, "virtual_mailbox_base"));
  TRY_DO(prepare_directory(config.data_directory, 0755, nullptr, "data_directory"));
  TRY_DO(prepare_auth_directories(config));
  return prepare_directory(config.index_directory, 0700, set_owner, "index_directory");
}

}  // namespace pennypost::store
