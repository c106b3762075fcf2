#include "store/maps/cidr_rules.h"

#include "common/base/explanation.h"
#include "common/base/text.h"
#include "store/maps/source.h"

namespace pennypost::store {

Result<CidrRules> CidrRules::parse(std::string_view text, const std::string& file) {
  CidrRules table;
  table.file_ = file;
  std::vector<std::size_t> open_ifs;
  std::size_t last_if_line = 0;
  LogicalLines lines(text);
  while (auto line = lines.next()) {
    auto wrong = [&](const std::string& reason) {
      return source_error(file, line->number, reason);
    };
    if (line->is_indented) return wrong(reason_of_indented(*line));
    std::string_view rest = line->text;
    if (equal_nocase(rest, "endif")) {
      if (open_ifs.empty()) return wrong("endif without if");
      table.rules_[open_ifs.back()].skip_to = table.rules_.size();
      open_ifs.pop_back();
      continue;
    }
    bool is_if = rest.size() > 2 && starts_with_nocase(rest, "if") && is_space(rest[2]);
    if (is_if) rest = trim(rest.substr(2));
    bool negated = rest.starts_with('!');
    if (negated) rest = trim(rest.substr(1));
    std::size_t end = 0;
    while (end < rest.size() && !is_space(rest[end])) ++end;
    auto network = Network::parse(rest.substr(0, end));
    if (!network) return wrong(network.error().text());
    auto value = trim(rest.substr(end));
    if (is_if && !value.empty()) return wrong("text after the network of an if");
    if (!is_if && value.empty()) return wrong("expected `network value`, there is no value");
    if (is_if && open_ifs.size() == rule_nesting_max) return wrong("too many nested ifs");
    if (table.rules_.size() == rules_max) return wrong("too many rules");
    if (is_if) {
      open_ifs.push_back(table.rules_.size());
      last_if_line = line->number;
    }
    table.rules_.push_back({*network, negated, std::string(value), 0, line->number});
  }
  if (!open_ifs.empty()) return source_error(file, last_if_line, "if without endif");
  return table;
}

Result<std::optional<std::string>> CidrRules::lookup(std::string_view key) const {
  if (key.starts_with('[')) return std::optional<std::string>();  // a literal, not an address
  auto address = IpAddress::parse(key);
  if (!address) return std::optional<std::string>();  // a name: not for this table
  for (std::size_t i = 0; i < rules_.size();) {
    const Rule& rule = rules_[i];
    bool matches = rule.network.contains(*address) != rule.negated;
    bool is_if = rule.value.empty();
    if (matches && !is_if) {
      Explanation::add([&] { return file_ + ":" + std::to_string(rule.line) + " matches"; });
      return std::optional<std::string>(rule.value);
    }
    i = is_if && !matches ? rule.skip_to : i + 1;
  }
  return std::optional<std::string>();
}

Result<void> CidrRules::each(
    const std::function<void(std::string_view network, std::string_view value)>& use) const {
  for (const Rule& rule : rules_) {
    if (!rule.negated && !rule.value.empty()) continue;
    return Error::permanent("a cidr: table with `if` or `!` is no list of networks");
  }
  for (const Rule& rule : rules_) use(rule.network.text(), rule.value);
  return {};
}

}  // namespace pennypost::store
