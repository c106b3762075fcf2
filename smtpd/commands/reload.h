// Makes several daemons reload their configuration: all of them, or none.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

/// A daemon's answer.
struct ReloadAnswer {
  std::string daemon;
  Result<void> result;
};

/// Asks each of these running daemons whether it could serve with the configuration in its file
/// and, if all could, makes all of them use it. If one could not, its answer is an Error with the
/// reasons, one per line, and none has changed. Waits for each.
std::vector<ReloadAnswer> reload_daemons(const std::string& base_dir,
                                         const std::vector<std::string>& daemons);

/// Whether all have accepted it.
bool is_all_taken(const std::vector<ReloadAnswer>& answers);

}  // namespace pennypost::smtp
