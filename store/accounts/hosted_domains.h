// Adds, removes and lists hosted domains: what `pennypost domain` does.
//
// domains_map has the domains as keys, by their A-labels. virtual_mailbox_domains names it by
// default.
//
// SEE ALSO   kept_table.h (how a change is made)
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::store {

class HostedDomains {
 public:
  /// Error: domains_map is no hash: table.
  static Result<HostedDomains> open(const Config& config);

  /// Returns the domain's key. Errors: not a domain, or hosted already (permanent); a file can't be
  /// read or written (temporary).
  Result<std::string> add(std::string_view name) const;
  /// Returns the domain's key. Error 550: it is not in the table.
  Result<std::string> remove(std::string_view name) const;
  /// In the order of their names.
  Result<std::vector<std::string>> list() const;

 private:
  HostedDomains() = default;
  std::string file_;
};

}  // namespace pennypost::store
