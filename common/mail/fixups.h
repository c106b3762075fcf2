// Completes messages that programs and mail clients submit, so that they are fit to send.
//
// The Received field is put on top of every message; Date, Message-ID and From are added only to
// submitted messages (RFC 6409 section 8), whose header addresses without a full domain are
// completed as well. All of this is a list of edits, so that the body is never copied.
//
// STANDARDS  RFC 5321 section 4.4 (Received), RFC 3848 and 6531 section 4.3 (its `with`),
//            RFC 6409 section 8, RFC 5322 section 3.6
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/address.h"
#include "common/mail/completion.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

namespace pennypost {

/// The protocol named after `with` in Received.
struct ReceivedProtocol {
  bool esmtp = true;  // EHLO, not HELO
  bool tls = false;
  bool authenticated = false;
  bool smtputf8 = false;
  bool lmtp = false;  // LHLO

  /// SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, UTF8SMTP, UTF8SMTPS, ... LMTP, LMTPS, UTF8LMTP, ...
  std::string text() const;
};

/// What a client showed that was asked for a certificate.
struct ReceivedCertificate {
  bool is_shown = false;
  std::string name;
  std::string issuer;
  bool is_trusted = false;
};

/// The content of a Received field. Texts from outside may contain anything; characters that would
/// break the field's syntax are shown as `?`.
struct ReceivedTrace {
  // A client on the network, or a local program if `client_address` is empty.
  std::string helo;
  std::string client_name;     // by DNS; empty: unknown
  std::string client_address;  // 192.0.2.1 or 2001:db8::1
  ReceivedProtocol protocol;
  std::string tls;  // "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
  std::optional<ReceivedCertificate> certificate;
  std::string authenticated;  // the login name, if it may be shown
  std::string userid;         // of a local program: "1000"

  std::string by;  // myhostname
  std::string mail_name = "Pennypost";
  std::string queue_id;
  std::optional<std::string> recipient;  // MailAddress::text(), only if it is the only one
  MailDate date;
};

/// The whole field with its line ends, one group of clauses per line.
std::string received_field(const ReceivedTrace& trace, std::string_view line_end = "\r\n");

/// The data for completing a submitted message.
struct Submission {
  MailAddress sender;                  // becomes From if there is none; <> becomes MAILER-DAEMON
  std::string full_name;               // for that From (sendmail -F); may be empty
  Completion completion;               // of that From and of the addresses in the header
  std::string myhostname;              // Message-ID's right side
  std::string unique;                  // Message-ID's left side, as TIME.QUEUEID
  MailDate date;                       // now
  std::string no_recipients;           // a field for a header without To and Cc; may be empty
  std::string_view line_end = "\r\n";  // of what is added
  // Fields beyond these limits are not completed, but count as present.
  std::size_t fields_max = 1000;
  std::size_t field_bytes_max = 102400;
};

/// The edits that add Date, Message-ID and From if missing (Resent-Date, Resent-Message-ID and
/// Resent-From if there are other Resent- fields), and complete the addresses in From, Sender,
/// Reply-To, To, Cc, Bcc and their Resent- forms. In order of offset.
std::vector<Edit> submission_edits(std::string_view header, const Submission& submission);

/// The recipients named in a message's header, for `sendmail -t`.
struct HeaderRecipients {
  std::vector<MailAddress> addresses;  // each once, in order
  std::vector<std::string> refused;    // elements that are not addresses, as written
};

/// Collects them from To, Cc and Bcc or, if there is any of Resent-To, Resent-Cc and Resent-Bcc,
/// from these alone (RFC 5322 section 3.6.6). Bare addresses stay bare.
HeaderRecipients recipients_in_header(std::string_view header, Utf8 utf8 = Utf8::Allowed);

/// A full name as a phrase of RFC 5322: atoms, a quoted string, or encoded words (RFC 2047).
std::string phrase(std::string_view name);

}  // namespace pennypost
