// Keeps what DMARC has said of each message, until it is reported to the domain.
//
//   DIRECTORY/2026-11-28/example.org      the rows of one domain's mail on one day, in UTC
//
// A row is a line: `count address disposition dkim spf header-from envelope-from`, then
// `policy=`, `reason=`, `dkim=` and `spf=` with their parts between slashes; what is no letter,
// digit or one of `.:@+-_` is written as %XX. It is written before add() returns and survives
// kill -9; a power cut may take the last ones. A line that is damaged is passed over. Nothing is
// kept of mail whose domain wants no reports, nor of anybody's address: only domains.
//
// A file that grows too large gets one line for all that are the same but for their count.
//
// LIMITS     evaluation_file_bytes_max, evaluation_domains_max, evaluations_bytes_max: what goes
//            beyond is not kept
// SEE ALSO   reporter.h (who sends them)
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mailauth/dmarc_report.h"

namespace pennypost::smtp {

inline constexpr std::uint64_t evaluation_file_bytes_max = 2 << 20;  // of one domain and day
inline constexpr std::size_t evaluation_domains_max = 10'000;        // on one day
inline constexpr std::uint64_t evaluations_bytes_max = 256 << 20;    // of all

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
  /// A day's mail of one domain.
  struct Collection {
    std::string day;  // `2026-11-28`
    std::string domain;
  };

  explicit Evaluations(std::string directory) : directory_(std::move(directory)) {}

  /// Error 452: a limit, or the disk, is full; it is the same Error until the next day. Error 501:
  /// the domain can't be the name of a file.
  Result<void> add(const KeptEvaluation& evaluation, std::int64_t now_seconds);
  /// What was collected on days before today, the oldest first.
  Result<std::vector<Collection>> closed(std::int64_t now_seconds) const;
  /// Rows that differ, with their counts, and the newest policy; nothing if there are none.
  Result<std::optional<DmarcReport>> read(const Collection& collection) const;
  Result<void> drop(const Collection& collection);

 private:
  Result<void> begin(const std::string& day);
  Result<std::uint64_t> shrink(const std::string& path) const;
  std::string path_of(const Collection& collection) const;

  const std::string directory_;
  mutable std::mutex mutex_;
  std::string day_;                             // to which the following belong
  std::map<std::string, std::uint64_t> sizes_;  // by domain
  std::uint64_t bytes_ = 0;                     // of all days
  std::set<std::string> full_;                  // domains of which nothing more is kept today
};

}  // namespace pennypost::smtp
