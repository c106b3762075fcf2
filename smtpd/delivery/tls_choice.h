// Decides which TLS a session with a host must have: by smtp_tls_policy_maps and the smtp_tls_
// settings, DANE and MTA-STS.
//
// An entry in the tables counts as the admin wrote it. Otherwise, with level dane, TLSA records
// decide where there are any; without them the domain's MTA-STS policy does, if it is to be
// enforced and the settings' level is not stricter already (RFC 8461 section 2: DANE goes first).
//
// A message with REQUIRETLS that is to be enforced needs a host found in a secure way: by DNSSEC,
// by MTA-STS, or as the admin wrote it. Its certificate must be that of the level, or, at the
// levels up to encrypt, one for its name. (RFC 8689 section 4.2.1)
//
// An MTA-STS policy in mode testing demands nothing, but what would have failed is reported.
//
// SEE ALSO   tls_policy.h (the tables' notation), dane.h, common/mailauth/mta_sts.h
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/mailauth/mta_sts.h"
#include "common/tls/context.h"
#include "smtpd/delivery/dane.h"
#include "smtpd/delivery/targets.h"
#include "smtpd/delivery/tls_demand.h"
#include "smtpd/delivery/tls_policy.h"
#include "smtpd/queue/tls_note.h"

namespace pennypost::smtp {

class TlsChoice {
 public:
  /// What is known of a next hop.
  struct Hop {
    std::string host;           // empty for a Unix socket
    std::string tls_policy;     // the value in smtp_tls_policy_maps, or empty
    std::string trust_anchors;  // in PEM, in place of authorities; or empty
    StsPolicy sts;
    RequireTls requiretls = RequireTls::Disable;  // of the message in hand
  };
  TlsChoice(std::shared_ptr<const Config> config, Resolver& resolver, ClientContexts contexts);

  /// `destination`: the mail's own next hop if `hop` is a fallback, which must have no less TLS.
  /// `result`: gets the policy, for a report to the domain if it has the last word on its TLS, and
  /// what is wrong already; it must outlive the task. Error: no mail may go to this host now.
  Task<Result<TlsDemand>> choose(Target target, Hop hop, std::optional<Hop> destination,
                                 TlsResult& result) const;

 private:
  Result<TlsPolicy> merged(const Hop& hop, const std::optional<Hop>& destination) const;
  Task<Result<TlsLevel>> use_dane(Target target, TlsPolicy policy, Hop hop, TlsDemand& demand,
                                  TlsResult& result) const;
  Result<void> use_names(const Target& target, const TlsPolicy& policy, const Hop& hop,
                         TlsDemand& demand) const;
  Result<bool> use_sts(const Target& target, const Hop& hop, TlsDemand& demand,
                       TlsResult& result) const;
  Result<void> use_requiretls(const Target& target, const Hop& hop, bool is_dane,
                              TlsDemand& demand) const;
  void use_ciphers(const TlsPolicy& policy, bool is_mandatory, TlsDemand& demand) const;

  std::shared_ptr<const Config> config_;
  Resolver& resolver_;
  ClientContexts contexts_;
};

}  // namespace pennypost::smtp
