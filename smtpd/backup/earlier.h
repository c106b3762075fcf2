// Finds the same file in an earlier backup, so that a hard link may stand for it.
//
// SEE ALSO   copier.h (who links), manifest.h
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/result.h"
#include "smtpd/backup/manifest.h"

namespace pennypost::smtp {

inline constexpr std::string_view backup_files = "/files";  // below a backup's directory
inline constexpr std::string_view backup_manifest = "/manifest";

/// A backup whose files may be linked to.
class EarlierBackup {
 public:
  /// Error: it has no list that can be read.
  static Result<EarlierBackup> open(std::string directory);
  /// The file with the inode of `status`, if it is the same.
  const BackupItem* find(const struct stat& status, const std::string& path) const;
  std::string file_of(const BackupItem& item) const;

 private:
  EarlierBackup() = default;
  std::string directory_;
  Manifest manifest_;
  std::unordered_map<std::uint64_t, std::size_t> by_inode_;
};

}  // namespace pennypost::smtp
