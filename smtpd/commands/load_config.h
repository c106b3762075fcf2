// Loads the configuration for a command that can do nothing without it.
#pragma once

#include <iosfwd>
#include <memory>

#include "common/config/config.h"

namespace pennypost::smtp {

/// Null if the configuration can't be read or is wrong: what is wrong has been written to `err`,
/// and the command must end with ex_config.
std::shared_ptr<const Config> load_config(const LoadOptions& options, std::ostream& err);

}  // namespace pennypost::smtp
