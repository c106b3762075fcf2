// Lets root build a table with the rights of whoever owns its directory.
//
// Root also runs postmap and newaliases for files of other users: a list manager's aliases, a
// user's own table. The directory's owner could replace any name in it by a link while we work, and
// so make root read, write or chown somebody else's file. With the owner's rights we can do nothing
// there that the owner could not do alone. Postfix's postmap(1) takes on the rights of the source's
// owner for the same reason.
//
// LIMITS  Credentials belong to the whole process: nothing else may run in it meanwhile.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

class ActingOwner {
 public:
  /// If we are root, takes on the rights of the owner of the directory of the table `base`, until
  /// destroyed; if root owns a directory that others may write to, the rights of the source's
  /// owner. Does nothing without root, or if only root can change the directory and all above it.
  /// Error: others may write to the directory, and root owns both it and the source.
  static Result<ActingOwner> take(const std::filesystem::path& base);
  /// Nobody else's rights.
  static Result<ActingOwner> none() { return ActingOwner({}); }
  ActingOwner(ActingOwner&& other) noexcept : root_(std::exchange(other.root_, {})) {}
  ActingOwner& operator=(ActingOwner&& other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  ~ActingOwner();

  /// Whether we have somebody else's rights now.
  bool is_acting() const { return root_.has_value(); }

 private:
  struct Root {  // what to become again
    gid_t group;
    std::vector<gid_t> groups;
  };
  explicit ActingOwner(std::optional<Root> root) : root_(std::move(root)) {}
  std::optional<Root> root_;
};

}  // namespace pennypost::store
