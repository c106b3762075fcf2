// A route: by which transport, and over which next hop or into which account, a recipient's mail
// goes on.
//
// SEE ALSO   router.h (who finds it), ../delivery/messages.h (who follows it)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/accounts/account_ref.h"

namespace pennypost::smtp {

enum class Transport : std::uint8_t { Local, Smtp, Error, Pipe, File, Include, Discard };
constexpr Transport wire_last(Transport) { return Transport::Discard; }

/// Who gets it on this host: what lookup found; uid and gid are looked up again by the master.
using store::AccountRef;

/// A next hop of smtp_fallback_relay, with what the tables say of it: another host's password is
/// none of its business.
struct FallbackHop {
  std::string next_hop;
  std::string tls_policy;
  std::string credentials;
  template <class Archive>
  void fields(Archive& archive) {
    archive(next_hop, tls_policy, credentials);
  }
};

/// Where one recipient goes next; resolved at every attempt, never stored.
struct Route {
  Transport transport = Transport::Error;
  // As settings and tables name it: `relay`, `virtual`; empty: as the log does.
  std::string name;
  // Smtp: `example.com`, `[host]`, `[192.0.2.1]:587`; Error, Discard: the text.
  std::string next_hop;
  std::string status;  // Error: enhanced status code, 5.x.x or 4.x.x
  // Local; Pipe, File: whose .forward names it, else empty; Include: who reads it.
  AccountRef account;
  // Smtp: what the tables say of the next hop, since `send` can open none.
  std::string tls_policy;   // the value in smtp_tls_policy_maps, or empty
  std::string credentials;  // the value in smtp_sasl_password_maps, `login:password`, or empty
  std::vector<FallbackHop> fallbacks;  // where none of its hosts takes it
  template <class Archive>
  void fields(Archive& archive) {
    archive(transport, name, next_hop, status, account, tls_policy, credentials, fallbacks);
  }
};

}  // namespace pennypost::smtp
