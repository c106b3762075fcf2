// Encodes DNS questions and parses answers into records.
//
// LIMITS     names of 255 bytes, cname_steps_max, records_max; compression pointers only lead
//            backwards
// STANDARDS  RFC 1035 section 4, RFC 6891 (EDNS), RFC 2308 section 5 (negative caching),
//            RFC 6840 section 5.7 (AD in a query asks for AD in the answer)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/dns/record.h"

namespace pennypost {

inline constexpr std::size_t dns_name_bytes_max = 253;  // as text, without the trailing dot
inline constexpr std::size_t dns_label_bytes_max = 63;
inline constexpr int cname_steps_max = 16;
inline constexpr std::size_t records_max = 1000;
inline constexpr std::uint16_t edns_udp_bytes = 1232;

/// A query with RD and AD set and an EDNS record; `.` is the root. Error 501 if `name` is not a
/// valid DNS name.
Result<std::string> dns_query(std::uint16_t id, std::string_view name, DnsType type);

/// Parses an answer about `name`. An Error if the bytes do not answer that question, or a record in
/// the answer can't be read: then it is unknown whether there is anything. A code other than
/// success and NXDOMAIN is TryLater with its name as reason. Octets in names that are not letters,
/// digits, `-` or `_` are shown as \DDD.
Result<DnsReply> parse_dns_reply(std::string_view bytes, std::string_view name, DnsType type);

/// Whether it has only labels of 1 to 63 letters, digits, hyphens and underscores, and not only
/// digits: fit for a log or a Received field as a host name.
bool is_host_name(std::string_view text);

}  // namespace pennypost
