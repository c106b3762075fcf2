// Finds the addresses that a domain's DMARC reports go to.
//
// The domain's record is asked for anew, since it may have changed since the mail came. An address
// of another organization gets reports only if that one says by a record of its own that it wants
// them, which keeps a domain from having others flooded with reports; that record may name another
// address there.
//
// LIMITS     dmarc_uris_max addresses, and the caller's time
// STANDARDS  RFC 7489 sections 6.2 (the limit behind `!`) and 7.1 (addresses of others)
// SEE ALSO   dmarc_record.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"

namespace pennypost {

struct ReportTarget {
  std::string address;
  std::uint64_t bytes_max = 0;  // of a report; 0: no limit

  template <class Archive>
  void fields(Archive& archive) {
    archive(address, bytes_max);
  }
  friend bool operator==(const ReportTarget&, const ReportTarget&) = default;
};

/// `mailto:a@example.org!10m`. Nothing if it is of another kind, or no address.
std::optional<ReportTarget> parse_report_uri(std::string_view uri);

/// For the domain at which the record was found; empty: it wants none. Error 451: DNS does not
/// answer within `time_max`.
Task<Result<std::vector<ReportTarget>>> report_targets(Loop& loop, Resolver& resolver,
                                                       std::string domain, Duration time_max);

}  // namespace pennypost
