#include "smtpd/reports/evaluations.h"

#include <utility>

#include "common/base/day.h"
#include "common/base/percent.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

std::string atom(std::string_view text) { return percent_encode(text, ".:@+-_"); }

/// ` name=a/b/c`
template <class... Parts>
void add_item(std::string& line, std::string_view name, const Parts&... parts) {
  add(line, ' ', name, '=');
  std::string_view between;
  ((add(line, between, atom(parts)), between = "/"), ...);
}

/// Sets the parts of an item; false if their number is another one.
template <class... Parts>
bool take_item(std::string_view item, Parts&... parts) {
  auto texts = split(item, '/');
  if (texts.size() != sizeof...(parts)) return false;
  bool is_good = true;
  std::size_t next = 0;
  auto take = [&](std::string& part) {
    auto text = percent_decode(texts[next++]);
    is_good = is_good && text;
    if (text) part = *std::move(text);
  };
  (take(parts), ...);
  return is_good;
}

bool take_item(KeptEvaluation& into, std::string_view name, std::string_view item) {
  auto& row = into.row;
  if (name == "policy") {
    auto& policy = into.policy;
    return take_item(item, policy.domain, policy.adkim, policy.aspf, policy.policy,
                     policy.subdomains, policy.percent, policy.failure_options);
  }
  if (name == "reason") {
    auto& reason = row.reasons.emplace_back();
    return take_item(item, reason.type, reason.comment);
  }
  if (name == "dkim") {
    auto& one = row.dkim.emplace_back();
    return take_item(item, one.domain, one.selector, one.result);
  }
  if (name == "spf") {
    auto& one = row.spf.emplace_back();
    return take_item(item, one.domain, one.scope, one.result);
  }
  return false;
}

/// The evaluations in a file's lines.
std::vector<KeptEvaluation> evaluations_in(std::string_view text) {
  std::vector<KeptEvaluation> all;
  for (auto line : split(text, '\n')) {
    if (auto one = KeptEvaluation::parse(line)) all.push_back(*std::move(one));
  }
  return all;
}

/// One line of those that are the same but for their count.
std::string shortened(std::string_view text) {
  auto all = evaluations_in(text);
  std::string shorter;
  std::vector<DmarcReportRow> rows;
  for (std::size_t i = 0; i < all.size(); ++i) {
    rows.push_back(std::move(all[i].row));
    // Lines under another policy stay apart, and in their order.
    if (i + 1 < all.size() && all[i + 1].policy == all[i].policy) continue;
    merge_rows(rows);
    for (auto& row : rows) shorter += KeptEvaluation{all[i].policy, std::move(row)}.line();
    rows.clear();
  }
  return shorter;
}

}  // namespace

std::string KeptEvaluation::line() const {
  std::string line = std::to_string(row.count);
  std::string_view passes[] = {"fail", "pass"};
  add(line, ' ', atom(row.source_ip), ' ', atom(row.disposition), ' ', passes[row.dkim_aligned],
      ' ', passes[row.spf_aligned], ' ', atom(row.header_from), ' ', atom(row.envelope_from));
  add_item(line, "policy", policy.domain, policy.adkim, policy.aspf, policy.policy,
           policy.subdomains, policy.percent, policy.failure_options);
  for (const auto& one : row.reasons) add_item(line, "reason", one.type, one.comment);
  for (const auto& one : row.dkim) add_item(line, "dkim", one.domain, one.selector, one.result);
  for (const auto& one : row.spf) add_item(line, "spf", one.domain, one.scope, one.result);
  return line + "\n";
}

std::optional<KeptEvaluation> KeptEvaluation::parse(std::string_view line) {
  constexpr std::size_t fixed = 7;
  auto parts = split(line, ' ');
  if (parts.size() <= fixed) return {};
  KeptEvaluation made;
  auto count = parse_number(parts[0]);
  std::string dkim;
  std::string spf;
  std::string* texts[] = {&made.row.source_ip,   &made.row.disposition,  &dkim, &spf,
                          &made.row.header_from, &made.row.envelope_from};
  for (std::size_t i = 1; i < fixed; ++i) {
    auto text = percent_decode(parts[i]);
    if (!text) return {};
    *texts[i - 1] = *std::move(text);
  }
  if (!count || *count == 0) return {};
  made.row.count = *count;
  made.row.dkim_aligned = dkim == "pass";
  made.row.spf_aligned = spf == "pass";
  for (std::size_t i = fixed; i < parts.size(); ++i) {
    auto mark = parts[i].find('=');
    if (mark == std::string_view::npos) return {};
    if (!take_item(made, parts[i].substr(0, mark), parts[i].substr(mark + 1))) return {};
  }
  if (made.policy.domain.empty()) return {};
  return made;
}

Evaluations::Evaluations(std::string directory)
    : lines_(std::move(directory), "DMARC results", shortened) {}

Result<void> Evaluations::add(const KeptEvaluation& evaluation, std::int64_t now_seconds) {
  return lines_.add(evaluation.policy.domain, evaluation.line(), now_seconds);
}

Result<std::optional<DmarcReport>> Evaluations::read(const Collection& collection) const {
  std::optional<DmarcReport> report;
  TRY(auto text, lines_.read(collection));
  auto all = evaluations_in(text);
  if (all.empty()) return report;
  report.emplace();
  report->begin = begin_of_day(collection.day).value_or(0);
  report->end = report->begin + seconds_of_day - 1;
  report->policy = all.back().policy;
  for (auto& one : all) report->rows.push_back(std::move(one.row));
  merge_rows(report->rows);
  return report;
}

}  // namespace pennypost::smtp
