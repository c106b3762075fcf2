// Asks the masters of several daemons to take a new configuration: all of them, or none.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

/// What a daemon has answered.
struct ReloadAnswer {
  std::string daemon;
  Result<void> result;
};

/// Asks each of these running daemons whether it could serve with the configuration as its file has
/// it, and where all could, tells all to take it. Where one could not, its answer is an Error with
/// the reasons, one a line, and none has changed. Waits for each.
std::vector<ReloadAnswer> reload_daemons(const std::string& base_dir,
                                         const std::vector<std::string>& daemons);

/// True where every one has taken it.
bool is_all_taken(const std::vector<ReloadAnswer>& answers);

}  // namespace pennypost::smtp
