#include "store/mailbox/quota_rules.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr std::string_view account_name = "*";
constexpr std::uint64_t percent_max = 1000;  // ten times amount_max still fits
constexpr std::uint64_t kibi = 1024;

/// Whether a name fits a pattern in which * stands for any text and ? for one character.
bool fits(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t behind_star = 0;
  std::size_t i = 0;
  while (i < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      behind_star = i;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++behind_star;
    } else {
      return false;
    }
  }
  return std::ranges::all_of(pattern.substr(at), [](char c) { return c == '*'; });
}

/// INBOX is the same in any case (RFC 9051 section 5.1).
std::string usual_name(std::string_view mailbox) {
  return equal_nocase(mailbox, "INBOX") ? "INBOX" : std::string(mailbox);
}

std::string unescaped(std::string_view name) {
  std::string out(name);
  for (std::size_t at = 0; (at = out.find("%20", at)) != std::string::npos; ++at) {
    out.replace(at, 3, " ");
  }
  return out;
}

std::string escaped(std::string_view name) {
  std::string out;
  for (char c : name) out += c == ' ' ? std::string("%20") : std::string(1, c);
  return out;
}

}  // namespace

Result<QuotaRules> QuotaRules::parse(std::string_view text) {
  QuotaRules rules;
  for (auto word : words(text)) {
    TRY(auto rule, parse_rule(word));
    auto known = std::ranges::find(rules.rules_, rule.mailbox, &Rule::mailbox);
    if (known != rules.rules_.end()) {
      return Error::permanent("quota rule " + printable(word, 100) + ": there are two rules for " +
                              printable(rule.mailbox, 60));
    }
    if (rules.rules_.size() == rules_max) {
      return Error::permanent("more than " + std::to_string(rules_max) + " quota rules");
    }
    rules.rules_.push_back(std::move(rule));
  }
  return rules;
}

Result<QuotaRules::Rule> QuotaRules::parse_rule(std::string_view text) {
  Error wrong = Error::permanent(
      "quota rule " + printable(text, 100) +
      ": expected *:storage=SIZE:messages=NUMBER, MAILBOX:storage=+10% or MAILBOX:ignore");
  auto parts = split(text, ':');
  Rule rule;
  rule.mailbox = usual_name(unescaped(parts[0]));
  if (rule.mailbox.empty() || parts.size() < 2) return wrong;
  const bool is_account = rule.mailbox == account_name;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    auto equals = parts[i].find('=');
    auto name = parts[i].substr(0, equals);
    if (name == "ignore" && equals == std::string_view::npos && parts.size() == 2 && !is_account) {
      rule.is_ignored = true;
      continue;
    }
    if (equals == std::string_view::npos) return wrong;
    const bool is_messages = name == "messages";
    if (!is_messages && name != "storage" && name != "bytes") return wrong;
    auto amount =
        parse_amount(parts[i].substr(equals + 1), name == "storage" ? kibi : 1, !is_messages);
    auto& place = is_messages ? rule.messages : rule.bytes;
    // The account's own limits are not relative to anything.
    if (!amount || place || (is_account && (amount->sign != 0 || amount->is_percent))) return wrong;
    place = *amount;
  }
  return rule;
}

std::optional<QuotaRules::Amount> QuotaRules::parse_amount(std::string_view text,
                                                           std::uint64_t unit, bool has_units) {
  Amount amount;
  if (text.starts_with('+') || text.starts_with('-')) {
    amount.sign = text.front();
    text.remove_prefix(1);
  }
  if (text.ends_with('%')) {
    amount.is_percent = true;
    text.remove_suffix(1);
    auto percent = parse_number(text);
    if (!percent || *percent > percent_max) return {};
    amount.number = *percent;
    return amount;
  }
  if (has_units && !text.empty() && !is_digit(text.back())) {
    auto power = std::string_view("BKMGT").find(to_upper(text.back()));
    if (power == std::string_view::npos) return {};
    unit = std::uint64_t{1} << (10 * power);
    text.remove_suffix(1);
  }
  auto number = parse_number(text);
  if (!number || *number > amount_max / unit) return {};
  amount.number = *number * unit;
  return amount;
}

std::string QuotaRules::text() const {
  std::vector<std::string> out;
  auto shown = [](const Amount& amount) {
    return (amount.sign == 0 ? "" : std::string(1, amount.sign)) + std::to_string(amount.number) +
           (amount.is_percent ? "%" : "");
  };
  for (const auto& rule : rules_) {
    std::string text = escaped(rule.mailbox);
    if (rule.is_ignored) text += ":ignore";
    if (rule.bytes) text += ":bytes=" + shown(*rule.bytes);
    if (rule.messages) text += ":messages=" + shown(*rule.messages);
    out.push_back(std::move(text));
  }
  return join(out, " ");
}

void QuotaRules::replace_by(const QuotaRules& nearer) {
  auto rules = nearer.rules_;
  for (auto& rule : rules_) {
    auto known = std::ranges::find(rules, rule.mailbox, &Rule::mailbox);
    if (known == rules.end() && rules.size() < rules_max) rules.push_back(std::move(rule));
  }
  rules_ = std::move(rules);
}

bool QuotaRules::names_account() const {
  return std::ranges::find(rules_, account_name, &Rule::mailbox) != rules_.end();
}

bool QuotaRules::names_folders() const {
  return std::ranges::any_of(rules_, [](const Rule& rule) {
    return rule.mailbox != account_name && rule.mailbox != "INBOX";
  });
}

QuotaLimits QuotaRules::limits() const {
  QuotaLimits limits;
  auto rule = std::ranges::find(rules_, account_name, &Rule::mailbox);
  if (rule == rules_.end()) return limits;
  // 0 lifts a limit, as in Dovecot: a user's rule may undo the host's.
  if (rule->bytes && rule->bytes->number != 0) limits.bytes = rule->bytes->number;
  if (rule->messages && rule->messages->number != 0) limits.messages = rule->messages->number;
  return limits;
}

QuotaLimits QuotaRules::limits_in(std::string_view mailbox, const QuotaLimits& account) const {
  const Rule* rule = rule_for(mailbox);
  if (rule == nullptr) return account;
  if (rule->is_ignored) return {};
  return {apply(rule->bytes, account.bytes), apply(rule->messages, account.messages)};
}

bool QuotaRules::ignores(std::string_view mailbox) const {
  const Rule* rule = rule_for(mailbox);
  return rule != nullptr && rule->is_ignored;
}

std::optional<std::uint64_t> QuotaRules::apply(const std::optional<Amount>& amount,
                                               const std::optional<std::uint64_t>& limit) {
  if (!amount) return limit;
  std::uint64_t number = amount->number;
  if ((amount->is_percent || amount->sign != 0) && !limit) return {};
  const std::uint64_t base = std::min(limit.value_or(0), amount_max);
  // Not base * number / 100, which may overflow.
  if (amount->is_percent) number = base / 100 * number + base % 100 * number / 100;
  if (amount->sign == '+') return base + number;
  if (amount->sign == '-') return base - std::min(base, number);
  if (number == 0) return {};
  return number;
}

const QuotaRules::Rule* QuotaRules::rule_for(std::string_view mailbox) const {
  auto name = usual_name(mailbox);
  auto found = std::ranges::find_if(rules_, [&](const Rule& rule) {
    return rule.mailbox != account_name && fits(rule.mailbox, name);
  });
  return found == rules_.end() ? nullptr : &*found;
}

}  // namespace pennypost::store
