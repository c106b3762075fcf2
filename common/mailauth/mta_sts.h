// Parses what a domain publishes about TLS for mail to it: MTA-STS records and policies.
//
//   record = "v=STSv1;" "id=" 1*32 letters and digits ";"          at _mta-sts.DOMAIN
//   policy = lines of "name: value"           https://mta-sts.DOMAIN/.well-known/mta-sts.txt
//     version: STSv1      mode: enforce | testing | none      max_age: seconds
//     mx: mx.example.com  mx: *.example.com   once or more, unless the mode is none
//
// Unknown fields are skipped, and so is a field that comes again, but for mx.
//
// LIMITS     sts_patterns_max, sts_seconds_max; the caller bounds the policy's size
// STANDARDS  RFC 8461 sections 3.1, 3.2 and 4.1
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

inline constexpr std::size_t sts_patterns_max = 500;
inline constexpr std::uint64_t sts_seconds_max = 31'557'600;  // RFC 8461 section 3.2: a year

enum class StsMode : std::uint8_t { None, Testing, Enforce };
constexpr StsMode wire_last(StsMode) { return StsMode::Enforce; }

struct StsPolicy {
  StsMode mode = StsMode::None;
  std::uint64_t seconds = 0;  // how long it may be kept
  std::vector<std::string>
      patterns;  // of MX hosts, in lower case: `mx.example.com`, `*.example.com`
  // Why there is none although the domain announces one, a result-type of RFC 8460 section 4.3.2.2:
  // `sts-policy-fetch-error`; or empty.
  std::string failure;

  /// Error: says what is wrong.
  static Result<StsPolicy> parse(std::string_view text);
  /// Whether this MX host is one that the policy names; `*` stands for a single label.
  bool allows(std::string_view host) const;
  /// Its fields, as RFC 8460 section 4.4 wants them: `mode: enforce`.
  std::vector<std::string> lines() const;
  template <class Archive>
  void fields(Archive& archive) {
    archive(mode, seconds, patterns, failure);
  }
  friend bool operator==(const StsPolicy&, const StsPolicy&) = default;
};

/// The id of the policy that a name's TXT records announce; nothing if they announce none, or more
/// than one.
std::optional<std::string> sts_policy_id(const std::vector<std::string>& records);

}  // namespace pennypost
