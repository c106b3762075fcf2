#include "common/config/requiretls_policy.h"

#include <utility>

#include "common/base/text.h"

namespace pennypost {

std::optional<RequireTls> parse_requiretls(std::string_view word) {
  if (equal_nocase(word, "enforce")) return RequireTls::Enforce;
  if (equal_nocase(word, "opportunistic+starttls")) return RequireTls::OpportunisticTls;
  if (equal_nocase(word, "opportunistic")) return RequireTls::Opportunistic;
  if (equal_nocase(word, "disable")) return RequireTls::Disable;
  return std::nullopt;
}

Result<RequireTlsRule> RequireTlsRule::parse(std::string_view text) {
  RequireTlsRule rule;
  rule.answer = parse_requiretls(text);
  if (rule.answer) return rule;
  if (!TableRef::is_table(text)) {
    return Error::permanent("\"" + printable(text, 100) + "\" is none of: enforce, " +
                            "opportunistic+starttls, opportunistic, disable, or a table such as " +
                            "hash:/path");
  }
  TRY(rule.table, TableRef::parse(text));
  return rule;
}

}  // namespace pennypost
