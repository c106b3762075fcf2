// Decides what an alias table may name: commands and files only if root owns the table, and
// included lists as far as their owners permit.
//
// Otherwise a user who can write the table could run commands as others and read their files.
// Without root, the user who runs the server counts as root.
//
// SEE ALSO   expansion.h (which applies it), list_file.h (how lists are read)
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "smtpd/routing/account_finder.h"
#include "smtpd/routing/expansion.h"
#include "smtpd/routing/router_host.h"

namespace pennypost::smtp {

class AliasTrust {
 public:
  AliasTrust() = default;
  AliasTrust(std::shared_ptr<const Config> config, std::shared_ptr<const AccountFinder> accounts,
             RouterHost host)
      : config_(std::move(config)), accounts_(std::move(accounts)), host_(std::move(host)) {}

  /// Why commands and files of aliases are not used, and what to do; empty if they are used.
  std::string distrust() const;
  /// The text of a list that an alias includes, or who must read it. Errors are temporary.
  Result<IncludedList> included(const std::string& path) const;

 private:
  struct UsersTable {
    std::string name;
    std::uint32_t owner;
  };
  std::optional<UsersTable> users_alias_table() const;
  Result<std::optional<std::string>> reader_of(std::uint32_t uid) const;

  std::shared_ptr<const Config> config_;
  std::shared_ptr<const AccountFinder> accounts_;
  RouterHost host_;
};

}  // namespace pennypost::smtp
