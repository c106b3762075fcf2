// Enhanced status codes and the DSN parameters of MAIL and RCPT as values, in and out.
//
// STANDARDS  RFC 3463 (codes), RFC 3461 section 4 (NOTIFY, RET, ENVID, ORCPT, xtext),
//            RFC 6533 section 3 (addresses of type utf-8)
// SEE ALSO   esmtp.h (the commands that carry these), report.h (the reports they ask for)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/mail/address.h"

namespace pennypost {

constexpr std::size_t envid_bytes_max = 100;  // RFC 3461 section 5.4
constexpr std::size_t orcpt_bytes_max = 500;  // RFC 3461 section 5.4

/// `5.1.1`: class, subject, detail.
struct EnhancedStatus {
  int status_class = 5;  // 2 success, 4 temporary, 5 permanent
  int subject = 0;       // 0 to 999
  int detail = 0;        // 0 to 999

  /// The whole of `text`; nothing if it is no status code.
  static std::optional<EnhancedStatus> parse(std::string_view text);
  /// One at the front of a reply's text: taken off with the blanks behind it.
  static std::optional<EnhancedStatus> take(std::string_view& text);
  /// What stands for an SMTP reply without one: 250 is 2.0.0, 4xx 4.0.0, 5xx 5.0.0.
  static EnhancedStatus of_reply(int code);

  std::string text() const;
  friend bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;
};

/// xtext to octets; nothing if it is none (RFC 3461 section 4). UTF-8 is passed where it is
/// allowed.
std::optional<std::string> xtext_decode(std::string_view text, Utf8 utf8 = Utf8::Refused);
std::string xtext_encode(std::string_view text);

/// RET: what of the message a report gives back.
enum class DsnReturn { Unset, Full, Headers };

/// What a report is about.
enum class DsnAction { Failed, Delayed, Delivered, Relayed, Expanded };

/// NOTIFY: which reports a recipient's sender wants. Nothing set: failure and, as servers may,
/// delay.
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
  std::string type;     // `rfc822` or `utf-8`, or another's
  std::string address;  // decoded

  /// `type;address` in xtext, or for type utf-8 in RFC 6533's encodings. Error 501 5.5.4.
  static Result<OriginalRecipient> parse(std::string_view text, Utf8 utf8 = Utf8::Refused);
  static OriginalRecipient of(const MailAddress& address);
  /// As in RCPT; without SMTPUTF8 at the next hop all in ASCII.
  std::string parameter(Utf8 next_hop) const;
  /// As in a report's Original-Recipient and Final-Recipient: `type; address`.
  std::string field(Utf8 report) const;

  friend bool operator==(const OriginalRecipient&, const OriginalRecipient&) = default;
};

}  // namespace pennypost
