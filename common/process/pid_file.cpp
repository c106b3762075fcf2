#include "common/process/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "common/base/own_file.h"
#include "common/base/text.h"
#include "common/process/directories.h"

namespace pennypost {
namespace {

constexpr std::uint64_t pid_max = 1 << 22;  // the kernel's limit

std::string path_of(const std::string& directory, const std::string& name) {
  return directory + "/" + name + ".pid";
}

std::string say(const std::string& path) { return describe_refusal(path, errno); }

bool belongs_to(const Descriptor& file, uid_t owner) {
  struct stat status {};
  return fstat(file.number(), &status) == 0 && status.st_uid == owner;
}

/// Whether `path` still names this file.
bool is_still_at(const Descriptor& file, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return fstat(file.number(), &ours) == 0 && lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/// Whether the process `pid` runs as the file's owner, if that is neither us nor root.
bool is_run_by_owner(const Descriptor& file, pid_t pid) {
  if (belongs_to(file, geteuid()) || belongs_to(file, 0)) return true;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (status >> word && word != "Uid:") continue;
  uid_t uid = 0;
  return status >> uid && belongs_to(file, uid);
}

/// The process that has a lock on the file, from /proc/locks: `7: FLOCK ADVISORY WRITE 4711
/// fe:00:131 0 EOF`, with the device in hexadecimal.
std::optional<std::uint64_t> holder_of(const Descriptor& file) {
  struct stat status {};
  if (fstat(file.number(), &status) != 0) return {};
  char place[64];
  std::snprintf(place, sizeof place, "%02x:%02x:%llu", major(status.st_dev), minor(status.st_dev),
                static_cast<unsigned long long>(status.st_ino));
  std::ifstream locks("/proc/locks");
  std::string number, kind, advisory, mode, pid, where, rest;
  while (locks >> number >> kind >> advisory >> mode >> pid >> where && std::getline(locks, rest)) {
    if (kind == "FLOCK" && mode == "WRITE" && where == place) return parse_number(pid);
  }
  return {};
}

}  // namespace

Result<PidFile> PidFile::create(const std::string& directory, const std::string& name) {
  TRY_DO(prepare_directory(directory, 0755, nullptr, "base_dir"));
  std::string path = path_of(directory, name);
  Descriptor file;
  do {
    file = open_own_file(path, O_RDWR | O_CREAT, 0644);
    if (!file) return Error::permanent(say(path));
    if (is_root() && !belongs_to(file, 0)) {
      return Error::permanent(path + ": belongs to another user than root; remove it");
    }
    if (flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
      auto holder = running(directory, name);
      return Error::permanent(name + " is running already" +
                              (holder ? ", as process " + std::to_string(*holder) : "") +
                              "; stop it first (" + path + ")");
    }
    // The previous holder may have removed it between our opening and our lock.
  } while (!is_still_at(file, path));
  std::string text = std::to_string(getpid()) + "\n";
  bool is_written =
      ftruncate(file.number(), 0) == 0 &&
      pwrite(file.number(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  // A full disk must not prevent a start, so that mail can be read and deleted: the lock is held,
  // and shows its holder.
  bool has_room = errno != ENOSPC && errno != EDQUOT;
  if (!is_written && has_room) return Error::permanent(say(path));
  return PidFile(std::move(file), std::move(path), getpid());
}

PidFile::~PidFile() {
  if (owner_ == getpid() && is_still_at(descriptor_, path_)) unlink(path_.c_str());
}

std::optional<pid_t> PidFile::running(const std::string& directory, const std::string& name) {
  auto file = open_own_file(path_of(directory, name), O_RDONLY);
  if (!file) return {};
  if (flock(file.number(), LOCK_SH | LOCK_NB) == 0) return {};
  char bytes[32];
  auto count = pread(file.number(), bytes, sizeof bytes, 0);
  if (count < 0) return {};
  auto number =
      count == 0 ? holder_of(file) : parse_number(trim({bytes, static_cast<std::size_t>(count)}));
  if (!number || *number < 2 || *number > pid_max) return {};
  auto pid = static_cast<pid_t>(*number);
  if (!is_run_by_owner(file, pid)) return {};
  return pid;
}

}  // namespace pennypost
