// Loads the configuration for a command that can do nothing without it.
#pragma once

#include <iosfwd>
#include <memory>

#include "common/config/config.h"

namespace pennypost::smtp {

/// Null where it can't be read or is wrong: what is wrong stands in `err`, and the command ends
/// with ex_config.
std::shared_ptr<const Config> load_config(const LoadOptions& options, std::ostream& err);

}  // namespace pennypost::smtp
