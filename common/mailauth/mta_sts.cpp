#include "common/mailauth/mta_sts.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/dns/message.h"

namespace pennypost {
namespace {

constexpr std::size_t id_characters_max = 32;
constexpr std::string_view version_field = "v=STSv1";
constexpr std::string_view id_field = "id=";

bool is_alphanumeric(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

bool is_pattern(std::string_view text) {
  return is_host_name(text.starts_with("*.") ? text.substr(2) : text);
}

struct Fields {
  std::optional<std::string_view> version;
  std::optional<std::string_view> mode;
  std::optional<std::string_view> max_age;
};

void set_once(std::optional<std::string_view>& field, std::string_view value) {
  if (!field) field = value;
}

Result<void> take_line(std::string_view line, Fields& fields, StsPolicy& policy) {
  auto colon = line.find(':');
  if (colon == line.npos) {
    return Error::permanent("a line without a colon: " + printable(line, 80));
  }
  auto name = trim(line.substr(0, colon));
  auto value = trim(line.substr(colon + 1));
  if (name == "version") {
    set_once(fields.version, value);
  } else if (name == "mode") {
    set_once(fields.mode, value);
  } else if (name == "max_age") {
    set_once(fields.max_age, value);
  } else if (name == "mx") {
    if (!is_pattern(value)) return Error::permanent("mx is no host: " + printable(value, 80));
    if (policy.patterns.size() == sts_patterns_max) {
      return Error::permanent("more than " + std::to_string(sts_patterns_max) + " mx lines");
    }
    policy.patterns.push_back(
        lower(value.ends_with('.') ? value.substr(0, value.size() - 1) : value));
  }
  return {};
}

Result<StsMode> mode_of(std::string_view text) {
  if (text == "enforce") return StsMode::Enforce;
  if (text == "testing") return StsMode::Testing;
  if (text == "none") return StsMode::None;
  return Error::permanent("mode is none of enforce, testing and none: " + printable(text, 40));
}

/// Nothing if it is no STSv1 record; an empty id if it is a malformed one.
std::optional<std::string> id_of(std::string_view record) {
  if (!record.starts_with(version_field)) return std::nullopt;
  auto rest = trim(record.substr(version_field.size()));
  if (!rest.starts_with(';')) return std::nullopt;
  for (auto field : split(rest, ';')) {
    field = trim(field);
    if (!field.starts_with(id_field)) continue;
    auto id = field.substr(id_field.size());
    bool is_valid = !id.empty() && id.size() <= id_characters_max && is_alphanumeric(id);
    return is_valid ? std::string(id) : std::string();
  }
  return std::string();
}

}  // namespace

Result<StsPolicy> StsPolicy::parse(std::string_view text) {
  StsPolicy policy;
  Fields fields;
  for (auto line : split(text, '\n')) {
    line = trim(line);
    if (line.empty()) continue;
    TRY_DO(take_line(line, fields, policy));
  }
  if (fields.version != "STSv1") return Error::permanent("there is no version: STSv1");
  if (!fields.mode) return Error::permanent("there is no mode");
  TRY(policy.mode, mode_of(*fields.mode));
  auto seconds = parse_number(fields.max_age.value_or(""));
  if (!seconds) return Error::permanent("max_age is no number of seconds");
  policy.seconds = std::min(*seconds, sts_seconds_max);
  if (policy.patterns.empty() && policy.mode != StsMode::None) {
    return Error::permanent("there is no mx");
  }
  return policy;
}

std::vector<std::string> StsPolicy::lines() const {
  const char* modes[] = {"none", "testing", "enforce"};
  std::vector<std::string> all{"version: STSv1",
                               std::string("mode: ") + modes[static_cast<int>(mode)]};
  for (const auto& pattern : patterns) all.push_back("mx: " + pattern);
  all.push_back("max_age: " + std::to_string(seconds));
  return all;
}

bool StsPolicy::allows(std::string_view host) const {
  std::string name = lower(host);
  if (name.ends_with('.')) name.pop_back();
  return std::ranges::any_of(patterns, [&](std::string_view pattern) {
    if (!pattern.starts_with("*.")) return pattern == name;
    auto dot = name.find('.');
    return dot != name.npos && dot > 0 && name.substr(dot) == pattern.substr(1);
  });
}

std::optional<std::string> sts_policy_id(const std::vector<std::string>& records) {
  std::optional<std::string> found;
  for (const auto& record : records) {
    auto id = id_of(record);
    if (!id) continue;
    if (found) return std::nullopt;
    found = std::move(id);
  }
  if (found && found->empty()) return std::nullopt;
  return found;
}

}  // namespace pennypost
