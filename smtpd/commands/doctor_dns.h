// Looks in DNS for what other servers look for before they take mail from this host or bring some.
//
// STANDARDS  RFC 5321 section 5.1 (MX), RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC), RFC 6698
// (TLSA)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/net/address.h"
#include "common/tls/certificate_report.h"
#include "smtpd/commands/findings.h"
#include "smtpd/policy/key_directory.h"

namespace pennypost::smtp {

/// How long all questions about one thing may take.
inline constexpr Duration doctor_dns_time_max{20'000};

struct DoctorDns {
  std::string domain;                // of the mail addresses
  std::vector<IpAddress> addresses;  // public ones of this host, found on its interfaces
  std::optional<CertificateReport> certificate;
  std::optional<KeptKeys> keys;  // that sign its mail; nothing if this host signs none
};

/// Addresses and names of the host; MX, SPF, DKIM and DMARC of the domain; TLSA records for
/// port 25.
Findings check_dns(const Config& config, Loop& loop, Resolver& resolver, const DoctorDns& about);

/// The DNS block lists that hold one of the addresses.
Findings check_block_lists(Loop& loop, Resolver& resolver, const std::vector<IpAddress>& addresses);

/// Whether an address can be reached from everywhere: neither private nor for special use (RFC
/// 6890).
bool is_public(const IpAddress& address);

}  // namespace pennypost::smtp
