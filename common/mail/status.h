// Parses and writes the DSN parameters of MAIL and RCPT.
//
// STANDARDS  RFC 3461 section 4 (NOTIFY, RET, ENVID, ORCPT, xtext),
//            RFC 6533 section 3 (addresses of type utf-8)
// SEE ALSO   esmtp.h (the commands that carry these), report.h (the reports they ask for)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/enhanced_status.h"
#include "common/base/result.h"
#include "common/mail/address.h"

namespace pennypost {

constexpr std::size_t envid_bytes_max = 100;  // RFC 3461 section 5.4
constexpr std::size_t orcpt_bytes_max = 500;  // RFC 3461 section 5.4

/// xtext to octets; nothing if it is malformed (RFC 3461 section 4). UTF-8 passes if it is allowed.
std::optional<std::string> xtext_decode(std::string_view text, Utf8 utf8 = Utf8::Refused);
std::string xtext_encode(std::string_view text);

/// RET: how much of the message a report returns.
enum class DsnReturn { Unset, Full, Headers };

/// What a report is about.
enum class DsnAction { Failed, Delayed, Delivered, Relayed, Expanded };

/// NOTIFY: which reports the sender wants for a recipient. If unset: failure and, at the server's
/// choice, delay.
struct DsnNotify {
  bool never = false;
  bool success = false;
  bool failure = false;
  bool delay = false;

  /// `NEVER`, or a list of SUCCESS, FAILURE, DELAY. Error 501 5.5.4.
  static Result<DsnNotify> parse(std::string_view text);
  /// As in RCPT; empty if unset.
  std::string text() const;
  bool is_set() const { return never || success || failure || delay; }
  bool wants(DsnAction action) const;

  friend bool operator==(const DsnNotify&, const DsnNotify&) = default;
};

/// ORCPT: the recipient as the sender named it.
struct OriginalRecipient {
  std::string type;     // `rfc822`, `utf-8`, or another one
  std::string address;  // decoded

  /// `type;address` in xtext, or for type utf-8 in RFC 6533's encodings. Error 501 5.5.4.
  static Result<OriginalRecipient> parse(std::string_view text, Utf8 utf8 = Utf8::Refused);
  static OriginalRecipient of(const MailAddress& address);
  /// As in RCPT; all in ASCII if the next hop has no SMTPUTF8.
  std::string parameter(Utf8 next_hop) const;
  /// As in a report's Original-Recipient and Final-Recipient: `type; address`.
  std::string field(Utf8 report) const;

  friend bool operator==(const OriginalRecipient&, const OriginalRecipient&) = default;
};

}  // namespace pennypost
