// Says what an alias table may name: commands and files only where it belongs to root, and included
// lists as far as their owners let it.
//
// Whoever may write the table could else run commands as others, and read files that are closed to
// him. Without root, the user that runs it all counts as root.
//
// SEE ALSO   expansion.h (what it rules), list_file.h (how lists are read)
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

  /// Why no command or file of an alias is used, with the remedy; empty: they are.
  std::string distrust() const;
  /// A list that an alias includes, or who is to read it. Errors: temporary.
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
