// Reads what filters of spam and viruses have said of a message in its header, for the tests
// spamtest and virustest.
//
// The settings are Pigeonhole's: sieve_spamtest_status_header, sieve_virustest_status_header and
// their kin name the field, an expression whose first group is the score, and the score that means
// 100 percent; or the texts that mean 1 to 5.
//
// STANDARDS  RFC 5235 sections 3.2 and 3.4
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::store {

/// The settings sieve_spamtest_* or sieve_virustest_*.
struct VerdictRules {
  std::string status_header;  // HEADER[:EXPRESSION]; empty: nothing is known
  bool counts_characters = false;
  bool is_text = false;
  std::string max_header;  // HEADER[:EXPRESSION]
  std::string max_value;
  std::vector<std::string> text_values;  // NUMBER=TEXT
};

VerdictRules spam_rules(const Config& config);
VerdictRules virus_rules(const Config& config);

/// Error: an expression or a number of the settings is wrong.
Result<void> check_verdict_rules(const VerdictRules& rules);

/// 0 to 100; nothing if the message was not looked at.
std::optional<unsigned> spam_percent(const VerdictRules& rules, std::string_view header);
/// 1 (no virus) to 5 (certainly one); nothing if the message was not looked at.
std::optional<unsigned> virus_level(const VerdictRules& rules, std::string_view header);

}  // namespace pennypost::store
