// Finds the reports in messages that other hosts send: DMARC aggregate reports and TLS reports.
//
// A report is an attachment, packed by gzip or zip or not at all. What it is is told by its
// content, since senders disagree on its type. A report that has come already is passed over.
//
// LIMITS     received_reports_max, and those of ../../common/mail/archive.h and of the parsers in
//            ../../common/mailauth
// STANDARDS  RFC 7489 section 7.2.1, RFC 8460 section 5
// SEE ALSO   digest.h (what they say, in words)
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mailauth/dmarc_report.h"
#include "common/mailauth/tls_report.h"

namespace pennypost::smtp {

inline constexpr std::size_t received_reports_max = 10'000;

class ReceivedReports {
 public:
  /// Whether a message with this header may bring a report.
  static bool may_have_one(std::string_view header);

  /// Takes the reports in a message. Error: one can't be read, or there is none.
  Result<void> take_message(std::string_view message);
  /// Takes a report as it is in an attachment or a file. Error: it can't be read.
  Result<void> take_file(std::string_view bytes);

  const std::vector<DmarcReport>& dmarc() const { return dmarc_; }
  const std::vector<TlsReport>& tls() const { return tls_; }

 private:
  Result<void> take_unpacked(std::string_view text);
  bool is_new(const std::string& organization, const std::string& report_id);

  std::vector<DmarcReport> dmarc_;
  std::vector<TlsReport> tls_;
  std::set<std::string> known_;
};

/// Whether the bytes are those of a report, packed or not.
bool looks_like_report(std::string_view bytes);

}  // namespace pennypost::smtp
