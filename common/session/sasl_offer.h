// Decides which SASL mechanisms to announce to a client now.
//
// `auto` in the settings stands for PLAIN and LOGIN, and for SCRAM-SHA-256 where it serves
// everybody who may log in. -PLUS is announced by its name alone: clients that bind a channel in an
// older way than ours would pick it, and fail.
//
// A name that we do not know is left out, a plaintext mechanism where no password may pass, a -PLUS
// where the connection has nothing to bind to, and EXTERNAL, since no client is asked for a
// certificate.
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
  /// tls-exporter, for the exchange; empty unless a -PLUS mechanism is announced: a client that
  /// could bind and does not see it announced says so (`y,,`), and only where it was announced is
  /// that the sign of somebody in the middle.
  std::string channel_binding;

  /// Whether it is announced; in any case.
  bool holds(std::string_view mechanism) const;
};

/// `wanted` is auth_mechanisms; `channel_binding` that of the connection, empty if it has none;
/// `scram_serves_all` as auth tells it (AuthPort), and asked for only where depends_on_users().
SaslOffer sasl_offer(const std::vector<std::string>& wanted, bool allows_plaintext,
                     std::string channel_binding, bool scram_serves_all);

/// Whether `wanted` leaves it to the users' credentials what is announced.
bool depends_on_users(const std::vector<std::string>& wanted);

}  // namespace pennypost
