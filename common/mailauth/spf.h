// Evaluates SPF: whether a host may send mail in a domain's name.
//
// This is a coroutine over the Resolver: which question comes next depends on the answer to the one
// before, up to ten levels deep. Rules that are evaluated in rounds (see common/async/inquiry.h)
// note one question, the whole check, and come again with its result. A failure of DNS is
// TempError, never Fail.
//
// LIMITS     spf_terms_max, spf_void_max, spf_names_max, those of spf_record.h, and the caller's
//            time
// STANDARDS  RFC 7208
// SEE ALSO   spf_macro.h
#pragma once

#include <cstdint>
#include <string>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "common/mailauth/spf_record.h"

namespace pennypost {

// RFC 7208 section 4.6.4.
inline constexpr int spf_terms_max = 10;                 // include, a, mx, ptr, exists, redirect
inline constexpr int spf_void_max = 2;                   // questions that have no answer
inline constexpr std::size_t spf_names_max = 10;         // hosts of an mx; names of the client
inline constexpr std::size_t spf_explanation_max = 500;  // octets that are shown

struct SpfRequest {
  IpAddress client;
  std::string helo;
  /// The sender without brackets; empty for the null sender, which stands for postmaster@helo. To
  /// check the name in HELO itself, leave it empty (section 2.3).
  std::string sender;
  std::string receiver = "unknown";  // our host's name, for the explanation
  std::int64_t now_seconds = 0;      // since 1970, for the explanation
};

struct SpfResult {
  SpfStatus status = SpfStatus::None;
  std::string domain;         // that was checked: the sender's, or that in HELO; in lower case
  std::string record_domain;  // whose record decided: another one after redirect=
  std::string mechanism;      // the term that matched; empty if none did
  std::string explanation;    // of a Fail, in the domain's words; printable ASCII
  std::string reason;         // of None, TempError and PermError, in ours
};

/// check_host() of section 4. What DNS has not answered within `time_max` is TempError.
Task<SpfResult> check_spf(Loop& loop, Resolver& resolver, SpfRequest request, Duration time_max);

}  // namespace pennypost
