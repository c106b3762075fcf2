// Finds what is wrong in the value of one setting, whatever the others are: words that mean
// nothing, networks that are none. What contradicts another setting is check.h's.
#pragma once

#include <string>
#include <string_view>

#include "common/config/config.h"

namespace pennypost {

/// What is wrong with the value of `name` in `settings`, and what would be right; empty where
/// nothing is, or no rule is known here. Of the other settings only `mynetworks` is read, since
/// lists of networks may be copies of it.
std::string value_problem(std::string_view name, const Settings& settings);

/// The settings that have such a rule, for those who check all.
const std::vector<std::string_view>& checked_values();

/// Whether the text is an address, in brackets or not.
bool is_address_text(std::string_view text);

}  // namespace pennypost
