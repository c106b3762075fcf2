// Writes the example files of etc/: what a person sets for a role, with a sentence each.
//
// SEE ALSO  topics.h and manual.h (all other settings)
#pragma once

#include <string>
#include <string_view>

#include "common/config/types.h"

namespace pennypost {

/// Lines of an example file, so that it can be read at one sight.
inline constexpr std::size_t example_lines_max = 60;

/// A commented main.toml for a role: what must be set is active, what is often set is a comment
/// with its default. etc/ holds these texts; a test fails if they differ.
std::string example(Role role);

/// The text in lines of at most 90 columns, each beginning with `lead`.
std::string wrapped(std::string_view text, std::string_view lead);

}  // namespace pennypost
