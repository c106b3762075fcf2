// Keeps what DMARC has said of each message, until it is reported to the domain.
//
// A row is a line of its domain's file (daily_lines.h): `count address disposition dkim spf
// header-from envelope-from`, then `policy=`, `reason=`, `dkim=` and `spf=` with their parts
// between slashes; what is no letter, digit or one of `.:@+-_` is written as %XX. A line that is
// damaged is passed over. Nothing is kept of mail whose domain wants no reports, nor of anybody's
// address: only domains.
//
// A file that grows too large gets one line for all that are the same but for their count.
//
// SEE ALSO   reporter.h (who sends them)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mailauth/dmarc_report.h"
#include "smtpd/reports/daily_lines.h"

namespace pennypost::smtp {

/// One message's line, and the row in a line; nothing if it is damaged.
struct KeptEvaluation {
  DmarcReportPolicy policy;
  DmarcReportRow row;

  std::string line() const;
  static std::optional<KeptEvaluation> parse(std::string_view line);
};

/// Its functions block, and may be called by several threads.
class Evaluations {
 public:
  using Collection = DailyLines::Collection;

  explicit Evaluations(std::string directory);

  /// Errors: as DailyLines::add().
  Result<void> add(const KeptEvaluation& evaluation, std::int64_t now_seconds);
  /// What was collected on days before today, the oldest first.
  Result<std::vector<Collection>> closed(std::int64_t now_seconds) const {
    return lines_.closed(now_seconds);
  }
  /// Rows that differ, with their counts, and the newest policy; nothing if there are none.
  Result<std::optional<DmarcReport>> read(const Collection& collection) const;
  Result<void> drop(const Collection& collection) { return lines_.drop(collection); }
  DailyLines& lines() { return lines_; }

 private:
  DailyLines lines_;
};

}  // namespace pennypost::smtp
