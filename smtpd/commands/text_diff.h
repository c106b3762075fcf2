// Shows what changes between two texts, line by line.
#pragma once

#include <string>
#include <string_view>

namespace pennypost::smtp {

/// Longer texts are shown as wholly replaced.
inline constexpr std::size_t diff_lines_max = 2000;

/// A line `- old` for each that goes and `+ new` for each that comes, in order; empty if the texts
/// are the same.
std::string text_diff(std::string_view before, std::string_view after);

}  // namespace pennypost::smtp
