// Parses a server's reply: its code, its enhanced status and its text.
//
//   Reply = *( code "-" text CRLF ) code [ " " text ] CRLF        RFC 5321 section 4.2
//
// LIMITS  reply_lines_max; the caller bounds the bytes (smtp_reply_length_limit)
// STANDARDS  RFC 5321 section 4.2, RFC 2034 (enhanced status codes), RFC 3463
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/enhanced_status.h"
#include "common/base/limit.h"
#include "common/base/result.h"

namespace pennypost::smtp {

inline constexpr std::size_t reply_lines_max = 200;

class SmtpReply {
 public:
  int code = 0;
  std::optional<EnhancedStatus> status;  // only if its class is that of the code
  std::vector<std::string> lines;        // without code and status

  bool is_positive() const { return code / 100 == 2; }
  bool is_permanent() const { return code / 100 == 5; }
  /// RFC 5321 section 3.8: the server is about to close the connection.
  bool is_closing() const { return code == 421; }
  /// The enhanced status sent, or else one from the code: 4.0.0.
  EnhancedStatus effective_status() const;
  /// The reply in one line, for logs and reports: `550 5.1.1 <x>: unknown`.
  std::string text() const;
};

/// Parses a reply line by line.
class ReplyParser {
 public:
  /// True if this was the last line. Error: not a reply, or too many lines (both 4.5.0).
  Result<bool> feed(std::string_view line);
  SmtpReply take();

 private:
  SmtpReply reply_;
};

/// The extensions that a server offers in its reply to EHLO.
class PeerFeatures {
 public:
  bool pipelining = false;
  bool starttls = false;
  bool requiretls = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool dsn = false;
  bool enhanced_status_codes = false;
  bool size = false;
  Limit size_max;
  std::vector<std::string> auth_mechanisms;
  std::vector<std::string> xforward;  // the attributes that it takes

  /// `ignored`: keywords to ignore (smtp_discard_ehlo_keywords).
  static PeerFeatures parse(const SmtpReply& ehlo, const std::vector<std::string>& ignored);
};

}  // namespace pennypost::smtp
