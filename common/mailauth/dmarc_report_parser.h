// Parses the XML of a DMARC aggregate report that another host has written.
//
// Elements are known by their names, in any namespace and order; what is not known is passed over,
// so that a later version can be read. A document type declaration is an Error: no entity is ever
// expanded but XML's own five.
//
// LIMITS     dmarc_report_bytes_max, dmarc_report_rows_max, dmarc_report_depth_max,
//            dmarc_report_value_max, dmarc_report_results_max
// STANDARDS  RFC 7489 appendix C
// SEE ALSO   dmarc_report.h
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/result.h"
#include "common/mailauth/dmarc_report.h"

namespace pennypost {

inline constexpr std::size_t dmarc_report_bytes_max = 32 << 20;
inline constexpr std::size_t dmarc_report_rows_max = 100'000;
inline constexpr std::size_t dmarc_report_depth_max = 20;
inline constexpr std::size_t dmarc_report_value_max = 1000;   // octets of a value; the rest is cut
inline constexpr std::size_t dmarc_report_results_max = 100;  // of each kind in a row, and reasons

/// Error 550: what is wrong, and in which line.
Result<DmarcReport> parse_dmarc_report(std::string_view xml);

}  // namespace pennypost
