// A route: the transport of a recipient's mail, and the next hop or account to which it goes.
//
// SEE ALSO   router.h (who finds it), ../delivery/messages.h (who follows it)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/config/requiretls_policy.h"
#include "common/mailauth/mta_sts.h"
#include "store/accounts/account_ref.h"

namespace pennypost::smtp {

/// Pipe: a |command of an alias or a .forward. Program: a [transport.NAME] of kind pipe.
enum class Transport : std::uint8_t {
  Local,
  Smtp,
  Lmtp,
  Error,
  Pipe,
  File,
  Include,
  Discard,
  Program
};
constexpr Transport wire_last(Transport) { return Transport::Program; }
/// Whether the mail goes to another server, by `send`.
constexpr bool is_sent(Transport transport) {
  return transport == Transport::Smtp || transport == Transport::Lmtp;
}

/// The account on this host, as found by lookup; the master looks up uid and gid again.
using store::AccountRef;

/// A next hop of smtp_fallback_relay or lmtp_fallback_relay with its own values in the tables, so
/// that it never gets another host's password.
struct FallbackHop {
  std::string next_hop;
  std::string tls_policy;
  std::string credentials;
  std::string trust_anchors = {};
  RequireTls requiretls = RequireTls::Enforce;
  template <class Archive>
  void fields(Archive& archive) {
    archive(next_hop, tls_policy, credentials, trust_anchors, requiretls);
  }
};

/// Where a recipient's mail goes next; found again at every attempt, never stored.
struct Route {
  Transport transport = Transport::Error;
  // The name in settings and tables, such as `relay` or `virtual`; empty: the same as in the log.
  std::string name;
  // Smtp: `example.com`, `[host]`, `[192.0.2.1]:587`; Lmtp: `[host]:24`, `unix:private/lmtp`.
  // Program: what ${nexthop} is. Error, Discard: the text. Pipe, File, Include: the command or
  // path. Local: the command of mailbox_command_maps, or empty.
  std::string next_hop;
  std::string status;  // Error: enhanced status code, 5.x.x or 4.x.x
  // Local: the recipient; Pipe, File: the user whose .forward names it, or empty; Include: who
  // reads it.
  AccountRef account;
  // Smtp, Lmtp: the next hop's values in the tables, which `send` can't read.
  std::string tls_policy;     // the value in smtp_tls_policy_maps, or empty
  std::string credentials;    // the value in smtp_sasl_password_maps, `login:password`, or empty
  std::string trust_anchors;  // what tafile= and smtp_tls_trust_anchor_file name, in PEM
  RequireTls requiretls = RequireTls::Enforce;  // by smtp_requiretls_policy
  StsPolicy sts;                       // the next hop's MTA-STS policy; mode none: there is none
  std::vector<FallbackHop> fallbacks;  // tried if no host of next_hop accepts the mail
  template <class Archive>
  void fields(Archive& archive) {
    archive(transport, name, next_hop, status, account, tls_policy, credentials, trust_anchors,
            requiretls, sts, fallbacks);
  }
  FallbackHop hop() const {
    return FallbackHop{next_hop, tls_policy, credentials, trust_anchors, requiretls};
  }
};

/// The next hop in a form that is equal for all spellings of it: only names of hosts may be written
/// in either case.
inline std::string comparable_next_hop(const Route& route) {
  return route.transport == Transport::Smtp ? lower(route.next_hop) : route.next_hop;
}

}  // namespace pennypost::smtp
