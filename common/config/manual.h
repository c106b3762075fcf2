// Makes the manual page and the example files from the rows of parameters.def.
#pragma once

#include <string>

#include "common/config/types.h"

namespace pennypost {

/// A commented main.toml for a role: what must be set stands bare, everything else as a comment
/// with its default. etc/ holds these texts; a test fails when they drift.
std::string example(Role role);

/// The page parameters(5), in man's notation.
std::string manual_page();

}  // namespace pennypost
