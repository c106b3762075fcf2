#include "common/config/policy_service.h"

#include <array>

#include "common/config/parameter.h"

namespace pennypost {
namespace {

constexpr std::array<std::string_view, 8> option_names{
    "default_action", "max_idle",    "max_ttl", "policy_context",
    "request_limit",  "retry_delay", "timeout", "try_limit"};

/// The option's value, by the notation and the range of the setting of that name.
template <class Kind, class Value>
Result<void> take(const ServerRef& from, std::string_view option, Value& into) {
  auto given = from.options.find(option);
  if (given == from.options.end()) return {};
  auto index = find_parameter("smtpd_policy_service_" + std::string(option));
  ASSERT(index.has_value());
  auto value = Kind::parse(given->second, parameters()[*index].range);
  if (!value) return Error::permanent(std::string(option) + ": " + value.error().text());
  into = *std::move(value);
  return {};
}

}  // namespace

Result<PolicyService> PolicyService::parse(std::string_view text, const Settings& settings) {
  PolicyService service;
  TRY(service.at, ServerRef::parse(text, option_names));
  service.default_action = settings.smtpd_policy_service_default_action;
  service.max_idle = settings.smtpd_policy_service_max_idle;
  service.max_ttl = settings.smtpd_policy_service_max_ttl;
  service.policy_context = settings.smtpd_policy_service_policy_context;
  service.request_limit = settings.smtpd_policy_service_request_limit;
  service.retry_delay = settings.smtpd_policy_service_retry_delay;
  service.timeout = settings.smtpd_policy_service_timeout;
  service.try_limit = settings.smtpd_policy_service_try_limit;
  TRY_DO(take<kinds::Text>(service.at, "default_action", service.default_action));
  TRY_DO(take<kinds::Duration>(service.at, "max_idle", service.max_idle));
  TRY_DO(take<kinds::Duration>(service.at, "max_ttl", service.max_ttl));
  TRY_DO(take<kinds::Text>(service.at, "policy_context", service.policy_context));
  TRY_DO(take<kinds::CountLimit>(service.at, "request_limit", service.request_limit));
  TRY_DO(take<kinds::Duration>(service.at, "retry_delay", service.retry_delay));
  TRY_DO(take<kinds::Duration>(service.at, "timeout", service.timeout));
  TRY_DO(take<kinds::Number>(service.at, "try_limit", service.try_limit));
  return service;
}

}  // namespace pennypost
