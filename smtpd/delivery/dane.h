// Finds the TLSA records that say which certificate an MX host has.
//
// They count only if DNSSEC secures them, the host's addresses, and the MX record that led to the
// host. Where a CNAME leads from the host to another name, that name's records come first, then
// those of the host itself (RFC 7672 section 2.2.2). Records of usage 0 and 1 are of no use.
//
// LIMITS     tlsa_records_max; the time limits of the resolver
// STANDARDS  RFC 6698, RFC 7672 sections 2.1 to 2.3 and 3.1
// SEE ALSO   tls_choice.h (what follows from them)
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/dns/resolver.h"
#include "common/tls/server_demand.h"
#include "smtpd/delivery/targets.h"

namespace pennypost::smtp {

struct DaneRules {
  /// smtp_tls_dane_insecure_mx_policy: what records are worth if the MX record is not secure.
  enum class InsecureMx { Dane, Encrypt, May };
  InsecureMx insecure_mx = InsecureMx::May;
  bool looks_at_insecure_hosts = false;  // smtp_tls_force_insecure_host_tlsa_lookup
};

struct DaneRecords {
  /// None: there are no secure ones. Unusable: there are, but we can use none of them.
  /// Unverifiable: they are good, but not how we came to the host.
  enum class Kind { None, Unusable, Unverifiable, Usable };
  Kind kind = Kind::None;
  std::string why;   // unless Usable: `no TLSA records found`
  std::string base;  // the name at which they are: for SNI and as the certificate's name
  std::vector<CertificateAssociation> records;
};

/// Error 4.7.5: it is unknown whether there are records, so that no mail may go to the host now.
Task<Result<DaneRecords>> find_dane_records(Resolver& resolver, Target target, DaneRules rules);

}  // namespace pennypost::smtp
