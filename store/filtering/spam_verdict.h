// Reads what a spam filter has said of a message in its header, for the test spamtest.
//
// The settings are Pigeonhole's: sieve_spamtest_status_header and its kin name the field, an
// expression whose first group is the score, and the score that means 100 percent.
//
// STANDARDS  RFC 5235 section 3.2
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::store {

struct SpamRules {
  std::string status_header;  // HEADER[:EXPRESSION]; empty: nothing is known
  bool counts_characters = false;
  std::string max_header;  // HEADER[:EXPRESSION]
  std::string max_value;
};

/// Error: an expression or a number of the settings is wrong.
Result<void> check_spam_rules(const SpamRules& rules);

/// 0 to 100; nothing if the message was not looked at.
std::optional<unsigned> spam_percent(const SpamRules& rules, std::string_view header);

}  // namespace pennypost::store
