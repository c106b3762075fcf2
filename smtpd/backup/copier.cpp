#include "smtpd/backup/copier.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/safe_open.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr int flags_to_read = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

struct DirectoryClose {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_lock(std::string_view name) { return name.ends_with(".lock"); }

bool is_directory_in(const Descriptor& directory, const char* name) {
  struct stat status {};
  return ::fstatat(directory.number(), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

/// The name of a message without its flags.
std::string base_of(const std::string& name) { return name.substr(0, name.find(':')); }

}  // namespace

Result<std::vector<std::string>> names_in(const Descriptor& directory, const std::string& path) {
  int again = ::openat(directory.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, DirectoryClose> entries(again < 0 ? nullptr : ::fdopendir(again));
  if (!entries) return file_error("read", path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

Copier::Copier(std::string directory, std::vector<EarlierBackup> earlier, ManifestWriter& manifest,
               Progress progress)
    : directory_(std::move(directory)),
      earlier_(std::move(earlier)),
      manifest_(manifest),
      progress_(std::move(progress)) {}

Result<void> Copier::add(const std::string& path, const std::string& path_there,
                         std::optional<uid_t> owner, const TakeLock& take_lock) {
  if (!done_.insert(path_there).second || left_out_.contains(path)) return {};
  const uid_t own = ::geteuid();
  const std::span owners(&own, 1);
  Descriptor file = open_trusted(path, owners, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) {
    if (errno != ENOENT) warn(path + ": " + std::strerror(errno));
    return {};
  }
  std::error_code problem;
  auto above = fs::path(in_backup(path_there)).parent_path();
  fs::create_directories(above, problem);
  if (problem) return Error::temporary(above.string() + ": " + problem.message());
  Place place{path, path_there, owner, take_lock};
  fs::path target = fs::read_symlink(path, problem);
  // A link to a file, or to what is beside it, as of a table to its generation, stays one.
  bool stays_link = !problem && (S_ISREG(status.st_mode) || !target.has_parent_path());
  if (stays_link) {
    fs::path directory = fs::path(path).parent_path();
    Descriptor parent = open_trusted(directory.string(), owners, O_RDONLY | O_DIRECTORY);
    TRY_DO(copy_entry(parent, fs::path(path).filename(), place));
    std::string resolved = (directory / target).lexically_normal();
    return add(resolved, resolved, owner, take_lock);
  }
  if (S_ISDIR(status.st_mode)) return copy_directory(file, status, place);
  if (S_ISREG(status.st_mode)) return copy_file(file, status, place);
  return {};
}

Result<void> Copier::copy_directory(const Descriptor& directory, const struct stat& status,
                                    const Place& place) {
  if (place.depth > backup_depth_max) {
    warn(place.path + ": more than " + std::to_string(backup_depth_max) + " directories deep");
    return {};
  }
  TRY_DO(make_directory_for(status, place));
  const bool is_maildir = is_directory_in(directory, "new") && is_directory_in(directory, "cur");
  if (is_maildir) {
    TRY_DO(copy_messages(directory, place));
  }
  std::set<std::string> seen;
  if (is_maildir) seen = {"new", "cur", "tmp"};
  // Links last, and what they then lead to.
  for (bool are_links : {false, true, false}) {
    TRY_DO(copy_entries(directory, place, are_links, seen));
  }
  return {};
}

Result<void> Copier::copy_entries(const Descriptor& directory, const Place& place, bool are_links,
                                  std::set<std::string>& seen) {
  for (int round = 0; round < backup_rounds_max; ++round) {
    auto names = names_in(directory, place.path);
    if (!names) {
      warn(names.error().text());
      return {};
    }
    bool has_new = false;
    for (const auto& name : *names) {
      if (seen.contains(name) || is_lock(name)) continue;
      struct stat status {};
      bool is_there =
          ::fstatat(directory.number(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
      if (!is_there || S_ISLNK(status.st_mode) != are_links) continue;
      has_new = true;
      seen.insert(name);
      TRY_DO(copy_entry(directory, name, place.in(name)));
    }
    if (!has_new) return {};
  }
  return {};
}

/// Its owner and mode are in the list alone, so that the backup can be removed by who made it.
Result<void> Copier::make_directory_for(const struct stat& status, const Place& place) {
  std::string there = in_backup(place.path_there);
  TRY_DO(make_directory(there));
  if (!directories_.insert(place.path_there).second) return {};
  note(item_of(BackupItem::Kind::Directory, status, place.path_there));
  return {};
}

Result<void> Copier::copy_messages(const Descriptor& folder, const Place& place) {
  struct Part {
    std::string name;
    Descriptor directory;
  };
  std::vector<Part> parts;
  for (const char* name : {"tmp", "new", "cur"}) {
    Descriptor part(::openat(folder.number(), name, flags_to_read | O_DIRECTORY));
    struct stat status {};
    if (!part || ::fstat(part.number(), &status) != 0) continue;
    TRY_DO(make_directory_for(status, place.in(name)));
    if (std::string_view(name) != "tmp") parts.push_back({name, std::move(part)});
  }
  std::set<std::string> done;
  for (int round = 0; round < backup_rounds_max; ++round) {
    bool has_new = false;
    for (const auto& part : parts) {
      auto names = names_in(part.directory, place.path + "/" + part.name);
      if (!names) {
        warn(names.error().text());
        continue;
      }
      for (const auto& name : *names) {
        if (done.contains(base_of(name))) continue;
        has_new = true;
        TRY(bool is_there, copy_message(part.directory, name, place.in(part.name).in(name)));
        if (is_there) done.insert(base_of(name));
      }
    }
    if (!has_new) break;
  }
  return {};
}

/// False: it has another name by now, or is gone.
Result<bool> Copier::copy_message(const Descriptor& part, const std::string& name,
                                  const Place& place) {
  Descriptor file(::openat(part.number(), name.c_str(), flags_to_read));
  struct stat status {};
  if (!file && errno == ENOENT) return false;
  if (!file || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
    warn(place.path + ": no message: " + (file ? "not a file" : std::strerror(errno)));
    return true;
  }
  TRY_DO(copy_file(file, status, place));
  return true;
}

Result<void> Copier::copy_entry(const Descriptor& directory, const std::string& name,
                                const Place& place) {
  struct stat status {};
  if (left_out_.contains(place.path)) return {};
  if (::fstatat(directory.number(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
  if (S_ISLNK(status.st_mode)) return copy_link(directory, name, status, place);
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return {};
  Copier::Lock held;
  if (S_ISREG(status.st_mode) && place.take_lock) {
    auto lock = place.take_lock(place.path);
    if (!lock) {
      warn(place.path + ": " + lock.error().text());
      return {};
    }
    if (!*lock) return {};
    held = **std::move(lock);
  }
  Descriptor file(::openat(directory.number(), name.c_str(), flags_to_read));
  if (!file || ::fstat(file.number(), &status) != 0) {
    if (errno != ENOENT) warn(place.path + ": " + std::strerror(errno));
    return {};
  }
  if (S_ISDIR(status.st_mode)) return copy_directory(file, status, place);
  if (S_ISREG(status.st_mode)) return copy_file(file, status, place);
  return {};
}

Result<void> Copier::copy_link(const Descriptor& directory, const std::string& name,
                               const struct stat& status, const Place& place) {
  std::array<char, 4096> target;
  auto length = ::readlinkat(directory.number(), name.c_str(), target.data(), target.size());
  if (length < 0) return {};
  auto item = item_of(BackupItem::Kind::Link, status, place.path_there);
  item.target.assign(target.data(), static_cast<std::size_t>(length));
  std::string there = in_backup(place.path_there);
  if (::symlink(item.target.c_str(), there.c_str()) != 0) {
    if (errno == EEXIST) return {};
    return file_error("make", there);
  }
  note(item);
  return {};
}

void Copier::warn(const std::string& text) {
  if (warnings_.size() < warnings_max) warnings_.push_back(printable(text, 500));
}

void Copier::note(const BackupItem& item) { manifest_.add(item); }

std::string Copier::in_backup(const std::string& path) const {
  return directory_ + std::string(backup_files) + path;
}

}  // namespace pennypost::smtp
