#include "smtpd/backup/earlier.h"

namespace pennypost::smtp {

Result<EarlierBackup> EarlierBackup::open(std::string directory) {
  EarlierBackup earlier;
  TRY(earlier.manifest_, Manifest::read(directory + std::string(backup_manifest)));
  earlier.directory_ = std::move(directory);
  const auto& items = earlier.manifest_.items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].kind == BackupItem::Kind::File) earlier.by_inode_.emplace(items[i].inode, i);
  }
  return earlier;
}

const BackupItem* EarlierBackup::find(const struct stat& status, const std::string& path) const {
  auto found = by_inode_.find(status.st_ino);
  if (found == by_inode_.end()) return nullptr;
  const auto& item = manifest_.items[found->second];
  bool is_same_place = item.device == status.st_dev || item.path == path;
  return is_same_place && item.is_same(status) ? &item : nullptr;
}

std::string EarlierBackup::file_of(const BackupItem& item) const {
  return directory_ + std::string(backup_files) + item.path;
}

}  // namespace pennypost::smtp
