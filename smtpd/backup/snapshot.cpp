#include "smtpd/backup/snapshot.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "smtpd/backup/mbox_lock.h"
#include "smtpd/backup/places.h"
#include "store/accounts/kept_table.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view unfinished_prefix = "unfinished-";
constexpr std::size_t bytes_at_once = 256 * 1024;

bool is_backup_name(std::string_view name) {
  return name.size() >= 20 && is_digit(name[0]) && name[4] == '-' && name[10] == 'T';
}

Result<void> remove_all(const std::string& path) {
  std::error_code problem;
  fs::remove_all(path, problem);
  if (problem) return Error::temporary("can't remove " + path + ": " + problem.message());
  return {};
}

/// Of now, in UTC; it sorts by time.
std::string new_name(const std::string& target) {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H-%M-%SZ", &parts);
  std::string name = text.data();
  std::error_code problem;
  for (int again = 2; fs::exists(target + "/" + name, problem); ++again) {
    name = std::string(text.data()) + "-" + std::to_string(again);
  }
  return name;
}

BackupHost described_host(const BackupJob& job, const HostPlaces& places) {
  const Config& config = *job.config;
  BackupHost host{
      config.myhostname, job.config_directory, config.base_dir, config.queue_directory, {}};
  for (const auto& mail : places.mail) host.accounts.push_back(described(mail));
  return host;
}

Result<void> copy_queue(Copier& copier, const BackupJob& job) {
  if (!job.make_checkpoint) return {};
  const std::string& queue = job.config->queue_directory;
  // Before the checkpoint: what the queue takes in meanwhile is twice there, and taken in once.
  TRY_DO(copier.add(queue + "/maildrop", queue + "/maildrop", std::nullopt));
  TRY(auto checkpoint, job.make_checkpoint());
  if (checkpoint.empty()) return {};
  TRY_DO(copier.add(checkpoint + "/db", queue + "/db", std::nullopt));
  TRY_DO(copier.add(checkpoint + "/body", queue + "/body", std::nullopt));
  return remove_all(checkpoint);
}

/// Users and credentials, so that neither lacks what the other has.
Result<void> copy_settings(Copier& copier, const BackupJob& job, const HostPlaces& places) {
  std::optional<store::BuildLock> users;
  if (job.config->users_map.type == "hash") {
    auto lock = store::lock_kept_table(job.config->users_map.name);
    if (lock) users.emplace(*std::move(lock));
  }
  for (const auto& path : places.settings) {
    TRY_DO(copier.add(path, path, std::nullopt));
  }
  return {};
}

Result<void> copy_mail(Copier& copier, const BackupJob& job, const HostPlaces& places) {
  for (const auto& mail : places.mail) {
    auto lock = mbox_lock(job.config, mail);
    std::optional<uid_t> owner;
    if (mail.account.is_system) owner = mail.account.uid;
    for (const auto& path : mail.paths) {
      TRY_DO(copier.add(path, path, owner, lock));
    }
  }
  if (places.rest.empty()) return {};
  return copier.add(places.rest, places.rest, std::nullopt);
}

/// Those whose list can be read; the others are removed.
Result<std::vector<EarlierBackup>> earlier_backups(const BackupTarget& target) {
  std::vector<EarlierBackup> earlier;
  TRY(auto names, target.names());
  if (!names.empty()) {
    auto last = EarlierBackup::open(target.path() + "/" + names.back());
    if (last) earlier.push_back(*std::move(last));
  }
  TRY(auto unfinished, target.unfinished());
  for (std::size_t i = 0; i < unfinished.size(); ++i) {
    std::string directory = target.path() + "/" + unfinished[i];
    auto begun = EarlierBackup::open(directory);
    if (begun && i + unfinished_max > unfinished.size()) {
      earlier.push_back(*std::move(begun));
    } else {
      TRY_DO(remove_all(directory));
    }
  }
  return earlier;
}

Result<std::string> begin_unfinished(const BackupTarget& target) {
  TRY(auto unfinished, target.unfinished());
  std::size_t number = 1;
  if (!unfinished.empty()) {
    number += parse_number(unfinished.back().substr(unfinished_prefix.size())).value_or(0);
  }
  std::string digits = std::to_string(number);
  std::string name(unfinished_prefix);
  name += std::string(digits.size() < 9 ? 9 - digits.size() : 0, '0') + digits;
  std::string directory = target.path() + "/" + name;
  TRY_DO(make_directory(directory));
  TRY_DO(make_directory(directory + std::string(backup_files)));
  return directory;
}

/// Makes all of it durable, then gives it its name, and `last` to it.
Result<std::string> publish(const BackupTarget& target, const std::string& directory) {
  TRY(auto top, open_file(target.path(), O_RDONLY | O_DIRECTORY));
  if (::syncfs(top.number()) != 0) return file_error("sync", target.path());
  std::string name = new_name(target.path());
  std::error_code problem;
  fs::rename(directory, target.path() + "/" + name, problem);
  std::string link = target.path() + "/last.new";
  if (!problem) fs::remove(link, problem);
  if (!problem) fs::create_symlink(name, link, problem);
  if (!problem) fs::rename(link, target.path() + "/last", problem);
  if (problem) return Error::temporary(target.path() + ": " + problem.message());
  TRY_DO(sync_file(top.number(), target.path()));
  return name;
}

Result<void> remove_old(const BackupTarget& target, const BackupJob& job, BackupDone& done) {
  TRY(auto unfinished, target.unfinished());
  for (const auto& name : unfinished) {
    TRY_DO(remove_all(target.path() + "/" + name));
  }
  TRY(auto names, target.names());
  if (job.keep == 0 || names.size() <= job.keep) return {};
  names.resize(names.size() - job.keep);
  for (const auto& name : names) {
    // Under a name of an unfinished one, so that half of it is never taken for a backup.
    std::string doomed = target.path() + "/" + std::string(unfinished_prefix) + "0-" + name;
    std::error_code problem;
    fs::rename(target.path() + "/" + name, doomed, problem);
    if (problem) return Error::temporary(target.path() + "/" + name + ": " + problem.message());
    TRY_DO(remove_all(doomed));
    done.removed.push_back(name);
  }
  return {};
}

Result<std::vector<std::string>> names_of(const std::string& path,
                                          bool (*is_wanted)(std::string_view)) {
  TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY));
  TRY(auto all, names_in(directory, path));
  std::erase_if(all, [&](const auto& name) { return !is_wanted(name); });
  return all;
}

}  // namespace

Result<BackupTarget> BackupTarget::open_to_read(const std::string& path) {
  BackupTarget target(path);
  TRY_DO(open_file(path, O_RDONLY | O_DIRECTORY));
  return target;
}

Result<BackupTarget> BackupTarget::open_to_write(const std::string& path) {
  TRY_DO(make_directory(path));
  BackupTarget target(path);
  TRY(target.lock_, open_file(path + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW));
  if (::flock(target.lock_.number(), LOCK_EX | LOCK_NB) == 0) return target;
  if (errno != EWOULDBLOCK) return file_error("lock", path + "/lock");
  return Error::temporary(path + ": another backup is being made there; wait for its end");
}

Result<std::vector<std::string>> BackupTarget::names() const {
  return names_of(path_, &is_backup_name);
}

Result<std::vector<std::string>> BackupTarget::unfinished() const {
  return names_of(path_, [](std::string_view name) { return name.starts_with(unfinished_prefix); });
}

Result<std::string> BackupTarget::directory_of(const std::string& name) const {
  TRY(auto all, names());
  if (all.empty()) return Error::permanent(path_ + ": there is no whole backup");
  if (name.empty()) return path_ + "/" + all.back();
  if (std::ranges::find(all, name) != all.end()) return path_ + "/" + name;
  return Error::permanent(path_ + ": there is no backup " + printable(name, 60) +
                          "; the newest is " + all.back());
}

Result<BackupDone> make_backup(const BackupTarget& target, const BackupJob& job) {
  TRY(auto places, places_of(job.config, job.config_directory));
  TRY(auto earlier, earlier_backups(target));
  TRY(auto directory, begin_unfinished(target));
  TRY(auto manifest, ManifestWriter::create(directory + std::string(backup_manifest),
                                            described_host(job, places)));
  Copier copier(directory, std::move(earlier), manifest, job.progress);
  copier.leave_out(target.path());
  for (const auto& path : places.left_out) copier.leave_out(path);
  TRY_DO(copy_queue(copier, job));
  TRY_DO(copy_settings(copier, job, places));
  TRY_DO(copy_mail(copier, job, places));
  TRY_DO(manifest.finish());
  BackupDone done;
  done.counts = copier.counts();
  done.warnings = std::move(places.problems);
  done.elsewhere = std::move(places.elsewhere);
  done.warnings.insert(done.warnings.end(), copier.warnings().begin(), copier.warnings().end());
  TRY(done.name, publish(target, directory));
  TRY_DO(remove_old(target, job, done));
  return done;
}

Result<std::vector<std::string>> verify_backup(const std::string& directory,
                                               const Copier::Progress& progress) {
  TRY(auto manifest, Manifest::read(directory + std::string(backup_manifest)));
  if (!manifest.is_complete) return Error::permanent(directory + ": the list has no end");
  std::vector<std::string> problems;
  CopyCounts counts;
  for (const auto& item : manifest.items) {
    std::string path = directory + std::string(backup_files) + item.path;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      problems.push_back(item.path + ": " + std::strerror(errno));
      continue;
    }
    if (item.kind != BackupItem::Kind::File) continue;
    TRY(auto file, open_file(path, O_RDONLY | O_NOFOLLOW));
    Sha256 digest;
    std::uint64_t at = 0;
    for (;;) {
      TRY(auto bytes, read_range(file.number(), at, bytes_at_once, path));
      if (bytes.empty()) break;
      digest.add(bytes);
      at += bytes.size();
    }
    if (at != item.size || hex_encode(digest.finish()) != item.digest) {
      problems.push_back(item.path + ": is not what was copied");
    }
    ++counts.files;
    counts.bytes_copied += at;
    if (progress) progress(counts);
  }
  return problems;
}

}  // namespace pennypost::smtp
