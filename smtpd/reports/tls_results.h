// Keeps how TLS with the hosts of other domains went, until it is reported to them.
//
// A session is a line of its domain's file (daily_lines.h): `count policy-type kind mx mx-ip own-ip
// reason`, then `policy=` and `mx=` with their parts between slashes; `-` stands for what is empty,
// and what is no letter, digit or one of `.:@+_` is written as %XX. A line that is damaged is
// passed over. A file that grows too large gets one line for all that are the same but for their
// count.
//
// LIMITS     tls_result_parts_max, tls_result_text_max
// SEE ALSO   tls_reporter.h (who sends them), ../queue/tls_note.h (what a session says)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mailauth/tls_report.h"
#include "smtpd/queue/tls_note.h"
#include "smtpd/reports/daily_lines.h"

namespace pennypost::smtp {

inline constexpr std::size_t tls_result_parts_max = 100;  // of a policy, and of its MX patterns
inline constexpr std::size_t tls_result_text_max = 500;   // bytes of one value

/// Sessions with one result, and the line for them; nothing if it is damaged.
struct KeptTlsResult {
  std::uint64_t count = 1;
  TlsResult result;

  std::string line() const;
  static std::optional<KeptTlsResult> parse(std::string_view line);
};

/// Its functions block, and may be called by several threads.
class TlsResults {
 public:
  using Collection = DailyLines::Collection;

  explicit TlsResults(std::string directory);

  /// Errors: as DailyLines::add().
  Result<void> add(const std::string& domain, const TlsResult& result, std::int64_t now_seconds);
  /// The report without who sends it; nothing if there is nothing to tell.
  Result<std::optional<TlsReport>> read(const Collection& collection) const;
  DailyLines& lines() { return lines_; }

 private:
  DailyLines lines_;
};

}  // namespace pennypost::smtp
