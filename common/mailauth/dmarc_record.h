// Parses DMARC records: what a domain asks to be done with mail that is not really from it.
//
// Mistakes outside of v= and p= don't spoil a record: what is malformed has its default.
//
// LIMITS     dmarc_record_bytes_max, dmarc_uris_max
// STANDARDS  RFC 7489 sections 6.3 and 6.6.3, RFC 9091 (np=), DMARCbis (psd=, t=)
// SEE ALSO   dmarc.h (which finds and applies them)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

inline constexpr std::size_t dmarc_record_bytes_max = 8192;
inline constexpr std::size_t dmarc_uris_max = 10;  // in each of rua= and ruf=

enum class DmarcPolicy { None, Quarantine, Reject };
/// `none`, `quarantine`, `reject`.
std::string_view name_of(DmarcPolicy policy);

/// psd=: whether other owners' domains are below this one.
enum class DmarcSuffix { Unknown, Yes, No };

struct DmarcRecord {
  /// Whether a TXT record is a DMARC record: v=DMARC1 comes first.
  static bool is_one(std::string_view text);
  /// Error 550: no p= that is known, and no rua= that would be a reason to treat it as `none`.
  static Result<DmarcRecord> parse(std::string_view text);

  DmarcPolicy policy = DmarcPolicy::None;     // p=
  std::optional<DmarcPolicy> subdomains;      // sp=
  std::optional<DmarcPolicy> nonexistent;     // np=
  bool strict_dkim = false;                   // adkim=s
  bool strict_spf = false;                    // aspf=s
  int percent = 100;                          // pct=
  bool is_testing = false;                    // t=y
  DmarcSuffix suffix = DmarcSuffix::Unknown;  // psd=
  std::vector<std::string> aggregate_uris;    // rua=, with their `!10m`
  std::vector<std::string> failure_uris;      // ruf=
  std::string failure_options = "0";          // fo=
  std::uint32_t interval_seconds = 86400;     // ri=

  friend bool operator==(const DmarcRecord&, const DmarcRecord&) = default;
};

}  // namespace pennypost
