// Parses an item of smtp_requiretls_policy: how strictly REQUIRETLS is obeyed with a next hop.
//
// STANDARDS  RFC 8689 section 4.2.1, which is the word enforce; the others are Postfix's
// SEE ALSO   ../../smtpd/routing/requiretls_hops.h (who evaluates the list)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/config/types.h"

namespace pennypost {

/// What a message with REQUIRETLS needs of a server. Enforce: a name found in a secure way, its
/// certificate, and REQUIRETLS; OpportunisticTls: TLS; Opportunistic: nothing. REQUIRETLS is passed
/// on where it is offered, but for Disable.
enum class RequireTls : std::uint8_t { Disable, Opportunistic, OpportunisticTls, Enforce };
constexpr RequireTls wire_last(RequireTls) { return RequireTls::Enforce; }

/// Of `enforce`, `opportunistic+starttls`, `opportunistic`, `disable`; nothing of another word.
std::optional<RequireTls> parse_requiretls(std::string_view word);

struct RequireTlsRule {
  std::optional<RequireTls> answer;  ///< nothing: the table's
  TableRef table;

  /// Error: what is wrong, and what would be right.
  static Result<RequireTlsRule> parse(std::string_view text);
};

}  // namespace pennypost
