#include "common/process/directories.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "common/base/own_file.h"
#include "common/base/safe_open.h"

namespace pennypost {
namespace fs = std::filesystem;
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY;
constexpr mode_t mode_of_parents = 0755;

Error failed(const std::string& path, const std::string& parameter, int problem) {
  std::string setting = parameter.empty() ? "" : parameter + " = ";
  std::string remedy = problem == ELOOP ? "" : "; make it, or set another directory";
  return Error::permanent(setting + describe_refusal(path, problem) + remedy);
}

Descriptor open_directory(const std::string& path) {
  if (!is_root()) return Descriptor(::open(path.c_str(), directory_flags | O_CLOEXEC));
  return open_trusted(path, {}, directory_flags);
}

Descriptor open_in(const Descriptor& parent, const std::string& name) {
  if (is_root()) return open_beneath(parent.number(), name, directory_flags);
  return Descriptor(::openat(parent.number(), name.c_str(), directory_flags | O_CLOEXEC));
}

/// A directory, and whether this process has just made it; without a descriptor, errno tells why.
struct Opened {
  Descriptor directory;
  bool is_new = false;
};

Opened open_or_make_in(const Descriptor& parent, const std::string& name, mode_t mode) {
  bool is_new = ::mkdirat(parent.number(), name.c_str(), mode) == 0;
  if (!is_new && errno != EEXIST) return {};
  return {open_in(parent, name), is_new};
}

Opened open_or_make(const std::string& path, mode_t mode) {
  auto there = open_directory(path);
  if (there || errno != ENOENT) return {std::move(there), false};
  fs::path parent = fs::path(path).parent_path();
  if (parent == path) return {};
  auto above = open_or_make(parent.string(), mode_of_parents);
  if (!above.directory) return {};
  return open_or_make_in(above.directory, fs::path(path).filename().string(), mode);
}

/// Whether this is the directory that was just made, and not another that somebody has put in its
/// place. Another daemon that is starting may already have given it to its owner.
bool is_still_ours(const Descriptor& directory, uid_t owner) {
  struct stat status {};
  if (::fstat(directory.number(), &status) != 0) return false;
  return status.st_uid == ::geteuid() || status.st_uid == owner;
}

/// Sets mode and owner if they differ; if false, errno tells why.
bool set(const Descriptor& directory, mode_t mode, uid_t owner, gid_t group) {
  struct stat found {};
  if (::fstat(directory.number(), &found) != 0) return false;
  bool changes_hands = is_root() && (found.st_uid != owner || found.st_gid != group);
  if (changes_hands && ::fchown(directory.number(), owner, group) != 0) return false;
  return (found.st_mode & 07777) == mode || ::fchmod(directory.number(), mode) == 0;
}

/// The path with links resolved by the kernel; the path itself if /proc is not available.
std::string real_path(const std::string& path) {
  Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  std::error_code problem;
  auto real = fs::read_symlink("/proc/self/fd/" + std::to_string(place.number()), problem);
  return place && !problem ? real.string() : path;
}

std::string name_of_user(uid_t uid) {
  std::array<char, 65536> buffer;
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : std::to_string(uid);
}

std::optional<OpenToOthers> open_to_others(const std::string& directory, Groups groups) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return {};
  if (status.st_uid != 0) {
    return OpenToOthers{directory, status.st_uid,
                        directory + " belongs to user " + name_of_user(status.st_uid)};
  }
  if ((status.st_mode & S_ISVTX) != 0) return {};
  if ((status.st_mode & S_IWOTH) != 0) {
    return OpenToOthers{directory, {}, directory + " is writable by everybody"};
  }
  if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != 0 && groups == Groups::Strangers) {
    return OpenToOthers{directory, {}, directory + " is writable by its group"};
  }
  return {};
}

std::optional<OpenToOthers> nearest_open(fs::path directory, Groups groups) {
  for (;; directory = directory.parent_path()) {
    if (auto found = open_to_others(directory.string(), groups)) return found;
    if (directory == directory.parent_path()) return {};
  }
}

}  // namespace

Result<void> prepare_directory(const std::string& path, mode_t mode, const Identity* owner,
                               const std::string& parameter) {
  // Looking may follow links, since it changes nothing.
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return failed(path, parameter, ENOTDIR);
  }
  auto made = open_or_make(path, mode);
  if (!made.directory) return failed(path, parameter, errno);
  if (!made.is_new) return {};
  uid_t uid = owner != nullptr ? owner->uid : ::geteuid();
  gid_t gid = owner != nullptr ? owner->gid : ::getegid();
  if (!is_still_ours(made.directory, uid)) return failed(path, parameter, EPERM);
  if (!set(made.directory, mode, uid, gid)) return failed(path, parameter, errno);
  return {};
}

Result<Descriptor> own_directory(const std::string& path, mode_t mode, uid_t owner, gid_t group,
                                 const std::string& parameter) {
  auto opened = open_or_make(path, mode);
  if (!opened.directory || !set(opened.directory, mode, owner, group)) {
    return failed(path, parameter, errno);
  }
  return std::move(opened.directory);
}

Result<Descriptor> own_directory_in(const Descriptor& parent, const std::string& name, mode_t mode,
                                    uid_t owner, gid_t group, const std::string& path) {
  auto opened = open_or_make_in(parent, name, mode);
  if (!opened.directory || !set(opened.directory, mode, owner, group)) {
    return failed(path, "", errno);
  }
  return std::move(opened.directory);
}

std::optional<OpenToOthers> who_may_change(const std::string& directory, Groups groups) {
  return nearest_open(real_path(directory), groups);
}

std::optional<OpenToOthers> who_may_exchange(const std::string& path, Groups groups) {
  // Checks both the link itself, if `path` is one, and its target.
  auto parent = fs::path(path).parent_path();
  if (auto found = who_may_change(parent.string(), groups)) return found;
  return nearest_open(fs::path(real_path(path)).parent_path(), groups);
}

}  // namespace pennypost
