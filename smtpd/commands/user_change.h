// Renames and removes own users with their mail, so that a crash leaves nothing half done.
//
// What is to be done is written beside the users map first (FILE.change) and then done in steps
// that may be repeated; whoever changes users next finishes what was begun. While a user is
// renamed, both names lead to the same mail: the new place is a link to the old one until the users
// map has the new name, then the two change places in one step (renameat2(2)). Mail of a user who
// is removed is moved aside before it is archived or deleted.
//
//   rename  OLD  NEW  FIELDS           del  USER
//   path  FROM  TO                     archive  FILE
//   end
//
// Fields are separated by tabs. A text without its last line was not begun yet.
//
// SEE ALSO   ../../store/accounts/own_users.h
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {

class UserChange {
 public:
  /// Waits for another change of users, and finishes one that was interrupted.
  static Result<UserChange> begin(std::shared_ptr<const Config> config,
                                  const store::OwnUsers& users);

  struct Renamed {
    std::string old_name;
    std::string new_name;
    std::string home;
  };
  /// Errors: no such user; the new name is taken, or something is where its mail would be.
  Result<Renamed> rename(const std::string& old_name, const std::string& new_name);

  enum class Mail { Keep, Remove, Archive };
  struct Removed {
    std::string name;
    std::string home;
  };
  /// `archive`: the file to write for Mail::Archive, which must not exist. Errors: no such user;
  /// the mail is another user's as well; the archive can't be written.
  Result<Removed> remove(const std::string& name, Mail mail, const std::string& archive);

 private:
  using Path = std::pair<std::string, std::string>;  // from, to
  struct Plan {
    std::string old_name;  // empty: nothing to do
    std::string new_name;  // empty: remove the user
    std::string fields;
    std::string archive;
    std::vector<Path> paths;
    std::string text() const;
    static Plan parse(std::string_view text);
  };
  UserChange(std::shared_ptr<const Config> config, const store::OwnUsers& users)
      : config_(std::move(config)), users_(users) {}
  Result<void> perform(const Plan& plan);
  Result<void> write(const std::string& text);
  Result<void> do_rename(const Plan& plan);
  Result<void> do_remove(const Plan& plan);
  Result<std::vector<Path>> paths_aside(const std::string& name) const;

  std::shared_ptr<const Config> config_;
  const store::OwnUsers& users_;
  std::string file_;
  Descriptor journal_;  // locked
};

/// Lines of tables that name an address as where mail goes, or as a login: `FILE:LINE: SETTING`.
std::vector<std::string> lines_that_name(const Config& config, const std::string& address);

}  // namespace pennypost::smtp
