// Keeps lines about domains, a file for each domain and day, until they are reported.
//
//   DIRECTORY/2026-11-28/example.org      the lines about one domain on one day, in UTC
//
// A line is written before add() returns and survives kill -9; a power cut may take the last ones.
// A file that grows too large is shortened by its owner's rule.
//
// LIMITS     daily_file_bytes_max, daily_domains_max, daily_bytes_max: what goes beyond is not kept
// SEE ALSO   evaluations.h, tls_results.h (what the lines say), daily_reporter.h (who sends them)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

inline constexpr std::uint64_t daily_file_bytes_max = 2 << 20;  // of one domain and day
inline constexpr std::size_t daily_domains_max = 10'000;        // on one day
inline constexpr std::uint64_t daily_bytes_max = 256 << 20;     // of all

/// Its functions block, and may be called by several threads.
class DailyLines {
 public:
  /// A day's lines about one domain.
  struct Collection {
    std::string day;  // `2026-11-28`
    std::string domain;
  };
  /// The lines of a file in fewer bytes, if possible.
  using Shorten = std::string (*)(std::string_view text);

  /// `what` they are, for errors: `DMARC results`.
  DailyLines(std::string directory, std::string what, Shorten shorten)
      : directory_(std::move(directory)), what_(std::move(what)), shorten_(shorten) {}

  /// `line` ends with a line end. Error 452: a limit, or the disk, is full; it is the same Error
  /// until the next day. Error 501: the domain can't be the name of a file.
  Result<void> add(const std::string& domain, const std::string& line, std::int64_t now_seconds);
  /// What was collected on days before today, the oldest first.
  Result<std::vector<Collection>> closed(std::int64_t now_seconds) const;
  /// The lines; empty if there are none.
  Result<std::string> read(const Collection& collection) const;
  Result<void> drop(const Collection& collection);

 private:
  Result<void> begin(const std::string& day);
  Result<std::uint64_t> shrink(const std::string& path) const;
  std::string path_of(const Collection& collection) const;

  const std::string directory_;
  const std::string what_;
  const Shorten shorten_;
  mutable std::mutex mutex_;
  std::string day_;                             // to which the following belong
  std::map<std::string, std::uint64_t> sizes_;  // by domain
  std::uint64_t bytes_ = 0;                     // of all days
  std::set<std::string> full_;                  // domains of which nothing more is kept today
};

}  // namespace pennypost::smtp
