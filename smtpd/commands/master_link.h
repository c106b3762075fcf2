// Connects a command to the masters of the running daemons.
#pragma once

#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost::smtp {

/// Those of all daemons that run.
std::vector<std::string> running_daemons(const std::string& base_dir);

/// Error: it does not answer, or we may not ask it (its code is 550 then).
Result<Descriptor> connect_to_master(const std::string& base_dir, const std::string& daemon);

}  // namespace pennypost::smtp
