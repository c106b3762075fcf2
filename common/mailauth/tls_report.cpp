#include "common/mailauth/tls_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/day.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

using Json = nlohmann::json;

constexpr std::size_t text_bytes_max = 1000;  // of one value

/// The member of an object; null if it is none, or has no such member.
const Json& member(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string text_of(const Json& object, const char* name) {
  const auto& value = member(object, name);
  if (!value.is_string()) return "";
  return printable(value.get_ref<const std::string&>(), text_bytes_max);
}

/// A count that no sum over all reports can carry over.
std::uint64_t count_of(const Json& object, const char* name) {
  const auto& value = member(object, name);
  if (!value.is_number_unsigned()) return 0;
  return std::min<std::uint64_t>(value.get<std::uint64_t>(), 1'000'000'000'000);
}

/// RFC 3339, in UTC as in RFC 8460 section 4.4; 0 if it is not of this form.
std::int64_t time_of(std::string_view text) {
  constexpr std::string_view form = "2016-04-01T00:00:00";
  if (text.size() < form.size()) return 0;
  auto day = begin_of_day(text.substr(0, 10));
  auto hours = parse_number(text.substr(11, 2));
  auto minutes = parse_number(text.substr(14, 2));
  auto seconds = parse_number(text.substr(17, 2));
  if (!day || !hours || !minutes || !seconds) return 0;
  return *day + static_cast<std::int64_t>(*hours * 3600 + *minutes * 60 + *seconds);
}

/// The same the other way round.
std::string time_text(std::int64_t seconds) {
  auto of_day = seconds % seconds_of_day;
  auto two = [](std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return day_of(seconds) + "T" + two(of_day / 3600) + ":" + two(of_day / 60 % 60) + ":" +
         two(of_day % 60) + "Z";
}

void put(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

Json json_of(const TlsFailure& failure) {
  Json json;
  json["result-type"] = failure.kind;
  put(json, "sending-mta-ip", failure.sending_ip);
  put(json, "receiving-mx-hostname", failure.receiving_mx);
  put(json, "receiving-ip", failure.receiving_ip);
  json["failed-session-count"] = failure.count;
  put(json, "failure-reason-code", failure.reason);
  return json;
}

Json json_of(const TlsPolicyReport& report) {
  Json json;
  auto& policy = json["policy"];
  policy["policy-type"] = report.type;
  if (!report.policy.empty()) policy["policy-string"] = report.policy;
  policy["policy-domain"] = report.domain;
  if (!report.mx_patterns.empty()) policy["mx-host"] = report.mx_patterns;
  json["summary"]["total-successful-session-count"] = report.successes;
  json["summary"]["total-failure-session-count"] = report.failures;
  for (const auto& one : report.details) json["failure-details"].push_back(json_of(one));
  return json;
}

TlsFailure failure_of(const Json& json) {
  TlsFailure failure;
  failure.kind = lower(text_of(json, "result-type"));
  failure.sending_ip = text_of(json, "sending-mta-ip");
  failure.receiving_mx = lower(text_of(json, "receiving-mx-hostname"));
  failure.receiving_ip = text_of(json, "receiving-ip");
  failure.reason = text_of(json, "failure-reason-code");
  if (failure.reason.empty()) failure.reason = text_of(json, "additional-information");
  failure.count = count_of(json, "failed-session-count");
  return failure;
}

Result<TlsPolicyReport> policy_of(const Json& json) {
  TlsPolicyReport policy;
  const auto& about = member(json, "policy");
  policy.type = lower(text_of(about, "policy-type"));
  policy.domain = lower(text_of(about, "policy-domain"));
  if (policy.domain.empty()) return Error::permanent("a policy has no policy-domain");
  const auto& summary = member(json, "summary");
  policy.successes = count_of(summary, "total-successful-session-count");
  policy.failures = count_of(summary, "total-failure-session-count");
  const auto& details = member(json, "failure-details");
  if (!details.is_array()) return policy;
  if (details.size() > tls_report_failures_max) {
    return Error::permanent("a policy has more than " + std::to_string(tls_report_failures_max) +
                            " failure-details");
  }
  for (const auto& one : details) policy.details.push_back(failure_of(one));
  return policy;
}

}  // namespace

std::string tls_report_json(const TlsReport& report) {
  Json json;
  json["organization-name"] = report.organization;
  json["date-range"]["start-datetime"] = time_text(report.begin);
  json["date-range"]["end-datetime"] = time_text(report.end);
  json["contact-info"] = report.contact;
  json["report-id"] = report.report_id;
  json["policies"] = Json::array();
  for (const auto& one : report.policies) json["policies"].push_back(json_of(one));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<TlsReport> parse_tls_report(std::string_view text) {
  if (text.size() > tls_report_bytes_max) {
    return Error::permanent("the report has more than " + std::to_string(tls_report_bytes_max) +
                            " bytes");
  }
  bool is_too_deep = false;
  auto look = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > tls_report_depth_max) is_too_deep = true;
    return !is_too_deep;
  };
  Json json = Json::parse(text, look, false);
  if (is_too_deep) {
    return Error::permanent("it is nested more than " + std::to_string(tls_report_depth_max) +
                            " deep");
  }
  if (json.is_discarded()) return Error::permanent("it is not JSON");
  const auto& policies = member(json, "policies");
  if (!policies.is_array()) return Error::permanent("it is no TLS report: it has no policies");
  if (policies.size() > tls_report_policies_max) {
    return Error::permanent("it has more than " + std::to_string(tls_report_policies_max) +
                            " policies");
  }
  TlsReport report;
  report.organization = text_of(json, "organization-name");
  report.contact = text_of(json, "contact-info");
  report.report_id = text_of(json, "report-id");
  report.begin = time_of(text_of(member(json, "date-range"), "start-datetime"));
  report.end = time_of(text_of(member(json, "date-range"), "end-datetime"));
  for (const auto& one : policies) {
    TRY(auto policy, policy_of(one));
    report.policies.push_back(std::move(policy));
  }
  return report;
}

}  // namespace pennypost
