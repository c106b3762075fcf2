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

constexpr unsigned virus_level_max = 5;

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

/// The score as a part of the highest one, 0 to 1; nothing if the message was not looked at.
std::optional<double> ratio(const VerdictRules& rules, std::string_view header) {
  if (rules.status_header.empty()) return std::nullopt;
  auto value = value_of(rules.status_header, header);
  if (!value) return std::nullopt;
  auto score = rules.counts_characters ? std::optional(static_cast<double>(trim(*value).size()))
                                       : number_of(*value);
  auto most = rules.max_header.empty() ? std::optional(rules.max_value)
                                       : value_of(rules.max_header, header);
  auto highest = most ? number_of(*most) : std::nullopt;
  if (!score || !highest || *highest <= 0) return std::nullopt;
  return std::clamp(*score / *highest, 0.0, 1.0);
}

/// `NUMBER=TEXT`: the number, if it is 1 to 5.
std::optional<unsigned> level_of(std::string_view text_value) {
  auto number = parse_number(trim(text_value.substr(0, text_value.find('='))));
  bool is_level = number && *number >= 1 && *number <= virus_level_max;
  return is_level ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

}  // namespace

VerdictRules spam_rules(const Config& config) {
  VerdictRules rules;
  rules.status_header = config.sieve_spamtest_status_header;
  rules.counts_characters = config.sieve_spamtest_status_type == "strlen";
  rules.max_header = config.sieve_spamtest_max_header;
  rules.max_value = config.sieve_spamtest_max_value;
  return rules;
}

VerdictRules virus_rules(const Config& config) {
  VerdictRules rules;
  rules.status_header = config.sieve_virustest_status_header;
  rules.counts_characters = config.sieve_virustest_status_type == "strlen";
  rules.is_text = config.sieve_virustest_status_type == "text";
  rules.max_header = config.sieve_virustest_max_header;
  rules.max_value = config.sieve_virustest_max_value;
  rules.text_values = config.sieve_virustest_text_values;
  return rules;
}

Result<void> check_verdict_rules(const VerdictRules& rules) {
  TRY_DO(check_source(rules.status_header));
  TRY_DO(check_source(rules.max_header));
  for (const auto& one : rules.text_values) {
    if (level_of(one) && one.find('=') != one.npos) continue;
    return Error::permanent("\"" + printable(one, 50) +
                            "\" is not of the form NUMBER=TEXT, 1 to 5");
  }
  if (rules.max_value.empty() || number_of(rules.max_value)) return {};
  return Error::permanent("the highest score \"" + printable(rules.max_value, 50) +
                          "\" is no number");
}

std::optional<unsigned> spam_percent(const VerdictRules& rules, std::string_view header) {
  auto part = ratio(rules, header);
  if (!part) return std::nullopt;
  return static_cast<unsigned>(std::lround(*part * 100));
}

std::optional<unsigned> virus_level(const VerdictRules& rules, std::string_view header) {
  if (!rules.is_text) {
    auto part = ratio(rules, header);
    if (!part) return std::nullopt;
    return 1 + static_cast<unsigned>(*part * (virus_level_max - 1));
  }
  if (rules.status_header.empty()) return std::nullopt;
  auto value = value_of(rules.status_header, header);
  for (std::size_t i = 0; value && i < rules.text_values.size(); ++i) {
    std::string_view one = rules.text_values[i];
    auto equals = one.find('=');
    bool is_said = equals != one.npos && trim(one.substr(equals + 1)) == trim(*value);
    if (is_said) return level_of(one);
  }
  return std::nullopt;
}

}  // namespace pennypost::store
