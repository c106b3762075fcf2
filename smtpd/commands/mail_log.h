// Reads the mail log where it is: a file with its rotated and compressed elders, or the journal.
//
// SEE ALSO  where.h (who searches it)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

inline constexpr std::size_t log_chunk_bytes = 1 << 20;
inline constexpr std::size_t log_files_max = 1000;

class MailLog {
 public:
  /// maillog_file, else /var/log/mail.log, else the journal. Files whose last line is older than
  /// `since` (seconds since 1970) are left out. Error: there is no log that can be read.
  static Result<MailLog> find(const Config& config, std::int64_t since);
  /// These files, the oldest first; plain or of gzip.
  static MailLog of_files(std::vector<std::string> files) { return MailLog(std::move(files), 0); }

  /// Calls `use` with the log piece by piece, each of whole lines, the oldest first. Error: a file
  /// can't be read to its end.
  Result<void> read(const std::function<void(std::string_view lines)>& use) const;

  const std::vector<std::string>& files() const { return files_; }

 private:
  MailLog(std::vector<std::string> files, std::int64_t since)
      : files_(std::move(files)), since_(since) {}
  std::vector<std::string> files_;  // none: the journal
  std::int64_t since_;
};

/// The file, and those that log rotation made of it (`mail.log.1`, `mail.log.2.gz`,
/// `mail.log-20261101`), the oldest first; those that ended before `since` are left out.
std::vector<std::string> log_files(const std::string& path, std::int64_t since);

}  // namespace pennypost::smtp
