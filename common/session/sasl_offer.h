// Decides which SASL mechanisms to announce to a client.
//
// `auto` in the settings means PLAIN and LOGIN, and SCRAM-SHA-256 if it works for everybody who may
// log in. It does not mean SCRAM-SHA-256-PLUS: Debian 12's mutt (GNU SASL) chooses that wherever it
// is announced, has no tls-exporter to bind to, and then gives up.
//
// Not announced are unknown names, plaintext mechanisms if passwords may not be sent in the clear,
// -PLUS if the connection has no channel binding, and EXTERNAL if the client has not shown a
// certificate that names somebody.
//
// STANDARDS  RFC 4422 section 3.2, RFC 5802 section 6 (channel binding)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

struct SaslOffer {
  /// In upper case, in the order of `auth_mechanisms`.
  std::vector<std::string> mechanisms;
  /// tls-exporter, for the exchange; empty unless a -PLUS mechanism is announced. A client that
  /// supports binding and does not see it announced says so (`y,,`), which is a sign of a man in
  /// the middle only if it was announced.
  std::string channel_binding;

  /// Whether it is announced, ignoring case.
  bool holds(std::string_view mechanism) const;
};

/// `wanted` is auth_mechanisms; `channel_binding` is the connection's, empty if it has none;
/// `scram_serves_all` comes from auth (AuthPort), and matters only if depends_on_users().
/// `has_identity`: certificate_identity() is not empty.
SaslOffer sasl_offer(const std::vector<std::string>& wanted, bool allows_plaintext,
                     std::string channel_binding, bool scram_serves_all, bool has_identity = false);

/// Whether the announced mechanisms depend on the users' credentials.
bool depends_on_users(const std::vector<std::string>& wanted);

}  // namespace pennypost
