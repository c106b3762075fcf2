// Says how strictly REQUIRETLS is obeyed with a next hop: evaluates smtp_requiretls_policy.
//
// The items are tried in order, and the first answer counts. A table is asked for the host, then
// for `.example.com` and `.com`; pattern tables for the host alone. Where nothing answers it is
// enforce, but opportunistic for a host given as an address, which an admin has written.
//
// SEE ALSO   ../../common/config/requiretls_policy.h (the words), hop_tables.h (who asks)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/requiretls_policy.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

class RequireTlsHops {
 public:
  /// Until open(): nothing is asked of any hop.
  RequireTlsHops() = default;
  /// Error: the configuration names an impossible table or word.
  static Result<RequireTlsHops> open(const Settings& settings, const store::MapOptions& options);

  /// `host`: of the next hop. Error 451 4.3.5: a table can't answer, or its value is no such word.
  Result<RequireTls> find(const std::string& host) const;

 private:
  struct Item {
    std::optional<RequireTls> answer;
    std::shared_ptr<const store::Map> map;  // null: `answer` counts
  };
  static Result<std::optional<std::string>> value_of(const store::Map& map,
                                                     const std::string& host);

  bool is_on_ = false;
  std::vector<Item> items_;
};

}  // namespace pennypost::smtp
