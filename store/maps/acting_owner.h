// Lets root build a table with the rights of whoever owns its directory.
//
// Root runs postmap and newaliases for files of others too: a list manager's aliases, a user's own
// table. Whoever owns the directory could exchange any name in it for a link while we work, and so
// have root read, write or give away a file of somebody else. With the owner's rights we can do
// nothing there that the owner could not do alone. Postfix's postmap(1) takes on the rights of the
// source's owner for the same reason.
//
// LIMITS  Credentials are the process's: nothing else may go on in it meanwhile.
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
  /// As root, becomes the owner of the directory of the table `base`, until it goes. A directory of
  /// root's that others may write to is the business of the source's owner, who then is the one.
  /// Does nothing without root, or where the directory and all above it are root's alone. Error: a
  /// directory that others may write to, with a source of root's.
  static Result<ActingOwner> take(const std::filesystem::path& base);
  ActingOwner(ActingOwner&& other) noexcept : root_(std::exchange(other.root_, {})) {}
  ActingOwner& operator=(ActingOwner&& other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  ~ActingOwner();

  /// Whether we act as somebody else than we are.
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
