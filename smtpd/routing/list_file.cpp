#include "smtpd/routing/list_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/safe_open.h"
#include "common/process/privileges.h"

namespace pennypost::smtp {
namespace {

Error refused(const std::string& reason) { return Error::temporary(reason); }

Error refused(int error) {
  switch (error) {
    case ELOOP:
      return refused("a symbolic link of another user leads to it");
    case EINVAL:
      return refused("not a regular file");
    default:
      return refused(std::strerror(error));
  }
}

Result<std::string> read_text(const Descriptor& file, std::size_t bytes_max,
                              const std::string& path) {
  TRY(auto text, read_up_to(file.number(), bytes_max + 1, path));
  if (text.size() > bytes_max) return refused("larger than dot_forward_bytes_max");
  return text;
}

/// The owner of the file or, if a directory does not let us see it, of that directory.
std::optional<uid_t> owner_to_ask(std::string path) {
  struct stat status {};
  while (::stat(path.c_str(), &status) != 0) {
    auto slash = path.rfind('/');
    if (errno != EACCES || slash == std::string::npos || slash == 0) return {};
    path.resize(slash);
  }
  return status.st_uid;
}

/// Opens the file through symbolic links of root and ours and, if the file is a user's, also of
/// that user.
Descriptor open_for_admin(const std::string& path, std::uint32_t own_uid) {
  std::array<uid_t, 2> owners{own_uid, own_uid};
  auto file = open_regular(path, owners);
  if (file || errno != ELOOP) return file;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || status.st_uid == 0) {
    errno = ELOOP;
    return {};
  }
  owners[1] = status.st_uid;
  file = open_regular(path, owners);
  if (file && (::fstat(file.number(), &status) != 0 || status.st_uid != owners[1])) {
    errno = ELOOP;
    return {};
  }
  return file;
}

Result<void> judge(const struct stat& status) {
  if (status.st_nlink > 1) {
    return refused("it has more than one name (hard links); remove the others");
  }
  // Group write permission is allowed, since often each user has a group of his own.
  if ((status.st_mode & S_IWOTH) != 0) return refused("everybody can write to it; chmod o-w");
  return {};
}

/// Whether the kernel would let a process with the user's own groups read it.
bool may_read(const struct stat& status, const std::string& user, std::uint32_t uid) {
  if (status.st_uid == uid) return true;
  auto identity = Identity::find(user);
  bool is_member =
      identity && *identity &&
      ((*identity)->gid == status.st_gid || std::ranges::count((*identity)->groups, status.st_gid));
  return (status.st_mode & (is_member ? S_IRGRP : S_IROTH)) != 0;
}

}  // namespace

Result<ListFile> read_list_of_admin(const std::string& path, std::uint32_t own_uid,
                                    std::size_t bytes_max) {
  ListFile list;
  auto file = open_for_admin(path, own_uid);
  if (!file && errno == EACCES) {
    auto owner = owner_to_ask(path);
    if (!owner || *owner == 0 || *owner == own_uid) return refused("mail_owner can't read it");
    list.owner = *owner;
    return list;
  }
  if (!file) return refused(errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return refused(errno);
  TRY_DO(judge(status));
  list.owner = status.st_uid;
  list.is_public = (status.st_mode & S_IROTH) != 0;
  TRY(list.text, read_text(file, bytes_max, path));
  return list;
}

Result<std::optional<ListFile>> read_list_of_user(const std::string& path, const std::string& user,
                                                  std::uint32_t uid, std::size_t bytes_max) {
  std::array<uid_t, 1> owners{uid};
  auto file = open_regular(path, owners);
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::optional<ListFile>();
  if (!file) return refused(errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return refused(errno);
  TRY_DO(judge(status));
  if (!may_read(status, user, uid)) return refused(EACCES);
  ListFile list;
  list.owner = status.st_uid;
  list.is_public = (status.st_mode & S_IROTH) != 0;
  TRY(list.text, read_text(file, bytes_max, path));
  return std::optional(std::move(list));
}

}  // namespace pennypost::smtp
