// Lists the DNS records that a mail host needs, in the notation of zone files.
//
// STANDARDS  RFC 1035 section 5.1, RFC 7208 (SPF), RFC 7489 (DMARC), RFC 6186 and RFC 8314 section
//            5.1 (SRV records of mail services)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::smtp {

struct DnsRecord {
  std::string name;  // absolute, with its dot
  std::string type;
  std::string value;
  std::string why;

  /// `mail.example.org.  A  192.0.2.1`
  std::string text() const;
};

/// The records to publish for this host and its domain; none for a null client but the way back of
/// its address.
std::vector<DnsRecord> dns_records(const Config& config, const std::vector<std::string>& addresses);

}  // namespace pennypost::smtp
