#include "store/filtering/spam_verdict.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "store/sieve/regex.h"

namespace pennypost::store {
namespace {

/// `HEADER[:EXPRESSION]`
struct Source {
  std::string_view field;
  std::string_view expression;

  explicit Source(std::string_view text) {
    auto colon = text.find(':');
    field = trim(text.substr(0, colon));
    if (colon != text.npos) expression = trim(text.substr(colon + 1));
  }
};

/// What the source says; nothing if the field is missing or does not match.
std::optional<std::string> value_of(const std::string& text, std::string_view header) {
  Source source(text);
  auto value = HeaderFields(header).value(source.field);
  if (!value || source.expression.empty()) return value;
  auto regex = sieve::Regex::compile(source.expression, true);
  if (!regex) return std::nullopt;
  std::vector<std::string> groups;
  auto matched = (*regex)->matches(*value, &groups);
  if (!matched || !*matched || groups.empty()) return std::nullopt;
  return groups.size() > 1 ? groups[1] : groups[0];
}

/// A number at the front of the text.
std::optional<double> number_of(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || !std::isfinite(number)) return std::nullopt;
  return number;
}

Result<void> check_source(const std::string& text) {
  Source source(text);
  if (!text.empty() && !is_field_name(source.field)) {
    return Error::permanent("\"" + printable(text, 200) + "\" begins with no field's name");
  }
  if (source.expression.empty()) return {};
  TRY_DO(sieve::Regex::compile(source.expression, true));
  return {};
}

}  // namespace

Result<void> check_spam_rules(const SpamRules& rules) {
  TRY_DO(check_source(rules.status_header));
  TRY_DO(check_source(rules.max_header));
  if (rules.max_value.empty() || number_of(rules.max_value)) return {};
  return Error::permanent("sieve_spamtest_max_value \"" + printable(rules.max_value, 50) +
                          "\" is no number");
}

std::optional<unsigned> spam_percent(const SpamRules& rules, std::string_view header) {
  if (rules.status_header.empty()) return std::nullopt;
  auto value = value_of(rules.status_header, header);
  if (!value) return std::nullopt;
  auto score = rules.counts_characters ? std::optional(static_cast<double>(trim(*value).size()))
                                       : number_of(*value);
  auto most = rules.max_header.empty() ? std::optional(rules.max_value)
                                       : value_of(rules.max_header, header);
  auto highest = most ? number_of(*most) : std::nullopt;
  if (!score || !highest || *highest <= 0) return std::nullopt;
  return static_cast<unsigned>(std::lround(std::clamp(*score / *highest, 0.0, 1.0) * 100));
}

}  // namespace pennypost::store
