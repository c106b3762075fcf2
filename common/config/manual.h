// Generates the manual page and the example files from the rows of parameters.def.
#pragma once

#include <string>

#include "common/config/types.h"

namespace pennypost {

/// A commented main.toml for a role: settings that must be set are active, all others are comments
/// with their defaults. etc/ holds these texts; a test fails if they differ.
std::string example(Role role);

/// The page parameters(5), in man(7) notation.
std::string manual_page();

}  // namespace pennypost
