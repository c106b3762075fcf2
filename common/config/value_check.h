// Checks the value of one setting by itself for unknown words, invalid networks and the like.
// Contradictions between settings are found by check.h.
#pragma once

#include <string>
#include <string_view>

#include "common/config/config.h"

namespace pennypost {

/// What is wrong with the value of `name` in `settings`, and what would be right; empty if nothing
/// is wrong, or the setting has no rule here.
std::string value_problem(std::string_view name, const Settings& settings);

/// All settings that have such a rule.
const std::vector<std::string_view>& checked_values();

/// All settings that list networks or addresses of clients.
const std::vector<std::string_view>& network_settings();

/// Whether the text is an address, in brackets or not.
bool is_address_text(std::string_view text);

}  // namespace pennypost
