#include "smtpd/reports/tls_results.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/day.h"
#include "common/base/percent.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t fixed_words = 7;

std::string atom(std::string_view text) {
  if (text.empty()) return "-";
  return percent_encode(text.substr(0, tls_result_text_max), ".:@+_");
}

std::optional<std::string> text_of(std::string_view word) {
  if (word == "-") return std::string();
  return percent_decode(word);
}

void add_parts(std::string& line, std::string_view name, const std::vector<std::string>& parts) {
  if (parts.empty()) return;
  add(line, ' ', name, '=');
  for (std::size_t i = 0; i < std::min(parts.size(), tls_result_parts_max); ++i) {
    add(line, i == 0 ? "" : "/", atom(parts[i]));
  }
}

bool take_parts(std::string_view text, std::vector<std::string>& parts) {
  for (auto word : split(text, '/')) {
    auto part = text_of(word);
    if (!part || parts.size() == tls_result_parts_max) return false;
    parts.push_back(*std::move(part));
  }
  return true;
}

/// One line of those that are the same but for their count, in the order of the lines.
std::string shortened(std::string_view text) {
  std::map<std::string_view, std::uint64_t> counts;
  for (auto line : split(text, '\n')) {
    auto blank = line.find(' ');
    auto count = parse_number(line.substr(0, blank));
    if (count && blank != line.npos) counts[line.substr(blank)] += *count;
  }
  std::string shorter;
  for (const auto& [rest, count] : counts) add(shorter, std::to_string(count), rest, '\n');
  return shorter;
}

void add_to(TlsPolicyReport& report, const KeptTlsResult& kept) {
  const auto& result = kept.result;
  if (result.kind.empty()) {
    report.successes += kept.count;
    return;
  }
  report.failures += kept.count;
  TlsFailure failure;
  failure.kind = result.kind;
  failure.sending_ip = result.sending_ip;
  failure.receiving_mx = result.receiving_mx;
  failure.receiving_ip = result.receiving_ip;
  failure.reason = result.reason;
  failure.count = kept.count;
  report.details.push_back(std::move(failure));
}

}  // namespace

std::string KeptTlsResult::line() const {
  std::string line = std::to_string(count);
  for (const auto* text : {&result.policy_type, &result.kind, &result.receiving_mx,
                           &result.receiving_ip, &result.sending_ip, &result.reason}) {
    add(line, ' ', atom(*text));
  }
  add_parts(line, "policy", result.policy);
  add_parts(line, "mx", result.mx_patterns);
  return line + "\n";
}

std::optional<KeptTlsResult> KeptTlsResult::parse(std::string_view line) {
  auto words = split(line, ' ');
  if (words.size() < fixed_words) return {};
  KeptTlsResult made;
  auto count = parse_number(words[0]);
  if (!count || *count == 0) return {};
  made.count = *count;
  auto& result = made.result;
  std::size_t next = 1;
  for (auto* text : {&result.policy_type, &result.kind, &result.receiving_mx, &result.receiving_ip,
                     &result.sending_ip, &result.reason}) {
    auto value = text_of(words[next++]);
    if (!value) return {};
    *text = *std::move(value);
  }
  for (; next < words.size(); ++next) {
    constexpr std::string_view policy = "policy=";
    constexpr std::string_view mx = "mx=";
    bool is_policy = words[next].starts_with(policy);
    if (!is_policy && !words[next].starts_with(mx)) return {};
    auto parts = words[next].substr(is_policy ? policy.size() : mx.size());
    if (!take_parts(parts, is_policy ? result.policy : result.mx_patterns)) return {};
  }
  if (result.policy_type.empty()) return {};
  return made;
}

TlsResults::TlsResults(std::string directory)
    : lines_(std::move(directory), "TLS results", shortened) {}

Result<void> TlsResults::add(const std::string& domain, const TlsResult& result,
                             std::int64_t now_seconds) {
  KeptTlsResult kept;
  kept.result = result;
  return lines_.add(domain, kept.line(), now_seconds);
}

Result<std::optional<TlsReport>> TlsResults::read(const Collection& collection) const {
  std::optional<TlsReport> report;
  TRY(auto text, lines_.read(collection));
  const auto lines = shortened(text);
  for (auto line : split(lines, '\n')) {
    auto kept = KeptTlsResult::parse(line);
    if (!kept) continue;
    if (!report) report.emplace();
    const auto& result = kept->result;
    auto is_same = [&](const TlsPolicyReport& one) {
      return one.type == result.policy_type && one.policy == result.policy &&
             one.mx_patterns == result.mx_patterns;
    };
    auto of = std::ranges::find_if(report->policies, is_same);
    if (of == report->policies.end()) {
      if (report->policies.size() == tls_report_policies_max) continue;
      TlsPolicyReport made;
      made.type = result.policy_type;
      made.domain = collection.domain;
      made.policy = result.policy;
      made.mx_patterns = result.mx_patterns;
      of = report->policies.insert(report->policies.end(), std::move(made));
    }
    add_to(*of, *kept);
  }
  if (!report) return report;
  report->begin = begin_of_day(collection.day).value_or(0);
  report->end = report->begin + seconds_of_day - 1;
  return report;
}

}  // namespace pennypost::smtp
