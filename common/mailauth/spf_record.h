// Parses SPF records into their mechanisms and modifiers.
//
// LIMITS     spf_record_bytes_max
// STANDARDS  RFC 7208 sections 4.5, 4.6, 5, 6 and 12
// SEE ALSO   spf.h (which evaluates them)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost {

inline constexpr std::size_t spf_record_bytes_max = 8192;

/// RFC 7208 section 2.6.
enum class SpfStatus { None, Neutral, Pass, Fail, SoftFail, TempError, PermError };
/// `none`, `neutral`, ...
std::string_view name_of(SpfStatus status);

enum class SpfMechanism { All, Include, A, Mx, Ptr, Ip4, Ip6, Exists };

struct SpfTerm {
  SpfMechanism mechanism = SpfMechanism::All;
  SpfStatus result = SpfStatus::Pass;  // of a match: what the qualifier +, -, ~ or ? says
  std::string domain;                  // with macros; empty if absent
  int prefix4 = 32;
  int prefix6 = 128;
  std::optional<Network> network;  // ip4, ip6; absent if it can contain no client
  std::string text;                // as written
};

struct SpfRecord {
  /// Whether a TXT record is an SPF record.
  static bool is_one(std::string_view text);
  /// Error 550 names the term that is wrong. All of a record is checked, whatever would match.
  static Result<SpfRecord> parse(std::string_view text);

  std::vector<SpfTerm> terms;
  std::optional<std::string> redirect;     // with macros
  std::optional<std::string> explanation;  // exp=, with macros
};

}  // namespace pennypost
