#include "common/base/safe_open.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pennypost {
namespace {

constexpr int links_max = 40;  // the kernel's limit

Descriptor fail(int error) {
  errno = error;
  return {};
}

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

class Walk {
 public:
  enum class Scope { Beneath, Anywhere };
  enum class Kind { Any, Regular };

  Walk(Scope scope, std::span<const uid_t> owners, Kind kind = Kind::Any)
      : scope_(scope), owners_(owners), kind_(kind) {}

  Descriptor open(int directory, std::string_view path, int flags, mode_t mode) {
    rest_ = path;
    if (rest_.size() >= PATH_MAX) return fail(ENAMETOOLONG);
    at_ = Descriptor(::openat(directory, scope_ == Scope::Anywhere ? "/" : ".", step_flags));
    while (at_) {
      auto name = take_component();
      if (name.empty()) {
        return kind_ == Kind::Regular ? fail(EINVAL) : open_last(".", flags, mode);
      }
      if (name == ".." && scope_ == Scope::Beneath) return fail(ELOOP);
      bool is_last = rest_.empty();
      if (is_last && (flags & (O_CREAT | O_NOFOLLOW)) != 0) return open_last(name, flags, mode);
      if (!step(name)) return {};
      if (is_last && rest_.empty()) return reopen_last(name, flags, mode);
    }
    return {};
  }

 private:
  static constexpr int step_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;

  // The next name in the path; empty at its end. A `/` after the last name becomes the component
  // `.`, so that the name must be a directory.
  std::string take_component() {
    rest_.erase(0, rest_.find_first_not_of('/'));
    auto slash = rest_.find('/');
    std::string name = rest_.substr(0, slash);
    rest_.erase(0, slash);
    if (!rest_.empty() && rest_.find_first_not_of('/') == std::string::npos) rest_ = "/.";
    return name;
  }

  // Moves on to `name`: a directory becomes at_, and a link's target is put into the path.
  bool step(const std::string& name) {
    Descriptor next(::openat(at_.number(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!next || ::fstat(next.number(), &status) != 0) return false;
    if (S_ISLNK(status.st_mode)) return follow(next.number(), status);
    if (rest_.empty()) {
      last_ = status;
      return true;
    }
    if (!S_ISDIR(status.st_mode)) {
      errno = ENOTDIR;
      return false;
    }
    at_ = std::move(next);
    return true;
  }

  bool trusts(uid_t owner) const { return owner == 0 || std::ranges::count(owners_, owner) != 0; }

  bool follow(int link, const struct stat& status) {
    // Unless hard links are protected, a directory's owner can make a hard link to root's symbolic
    // link in it.
    struct stat directory {};
    if (::fstat(at_.number(), &directory) != 0) return false;
    bool is_trusted =
        scope_ == Scope::Anywhere && trusts(status.st_uid) && trusts(directory.st_uid);
    if (!is_trusted || ++links_ > links_max) {
      errno = ELOOP;
      return false;
    }
    std::array<char, PATH_MAX> target;
    auto length = ::readlinkat(link, "", target.data(), target.size());
    if (length <= 0) return false;
    rest_.insert(0, std::string_view(target.data(), static_cast<std::size_t>(length)));
    if (rest_.size() >= PATH_MAX) {
      errno = ENAMETOOLONG;
      return false;
    }
    if (rest_.starts_with('/')) at_ = Descriptor(::open("/", step_flags));
    return static_cast<bool>(at_);
  }

  Descriptor open_last(const std::string& name, int flags, mode_t mode) {
    return Descriptor(::openat(at_.number(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode));
  }

  // Opens the file that step() has looked at, and nothing that has replaced it since.
  Descriptor reopen_last(const std::string& name, int flags, mode_t mode) {
    if (kind_ == Kind::Regular && !S_ISREG(last_.st_mode)) return fail(EINVAL);
    auto file = open_last(name, flags, mode);
    struct stat status {};
    if (!file || ::fstat(file.number(), &status) != 0) return {};
    if (!is_same_file(status, last_)) return fail(ELOOP);
    return file;
  }

  Scope scope_;
  std::span<const uid_t> owners_;
  Kind kind_;
  Descriptor at_;        // the directory reached so far
  std::string rest_;     // the rest of the path, from there
  struct stat last_ {};  // the file at its end
  int links_ = 0;
};

}  // namespace

Descriptor open_beneath(int directory, std::string_view path, int flags, mode_t mode) {
  if (path.starts_with('/')) return fail(ELOOP);
  Walk walk(Walk::Scope::Beneath, {});
  return walk.open(directory, path, flags, mode);
}

Descriptor open_trusted(std::string_view path, std::span<const uid_t> owners, int flags,
                        mode_t mode) {
  if (!path.starts_with('/')) return fail(EINVAL);
  Walk walk(Walk::Scope::Anywhere, owners);
  return walk.open(AT_FDCWD, path, flags, mode);
}

Descriptor open_regular(std::string_view path, std::span<const uid_t> owners) {
  if (!path.starts_with('/')) return fail(EINVAL);
  Walk walk(Walk::Scope::Anywhere, owners, Walk::Kind::Regular);
  // O_NONBLOCK, in case a FIFO replaces the file between the check and the opening.
  return walk.open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

bool is_written_only_by(const struct stat& status, uid_t owner) {
  return (status.st_uid == owner || status.st_uid == 0) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace pennypost
