#include "store/maildir/folder_list.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {
namespace {

bool may_be_directory(unsigned char type) {
  return type == DT_DIR || type == DT_LNK || type == DT_UNKNOWN;
}

bool is_directory(const std::string& path, unsigned char type) {
  if (type == DT_DIR) return true;
  struct stat status {};
  return may_be_directory(type) && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<std::vector<FolderEntry>> list_beside(const std::string& root, std::size_t folders_max) {
  std::vector<FolderEntry> folders;
  TRY_DO(list_directory(root, SIZE_MAX, [&](std::string_view entry, unsigned char type) {
    if (!entry.starts_with('.') || entry.starts_with("..")) return;
    auto path = root + "/" + std::string(entry);
    if (folders.size() >= folders_max || !is_directory(path, type)) return;
    if (auto name = modified_utf7_decode(entry.substr(1))) {
      folders.push_back({*std::move(name), std::move(path)});
    }
  }));
  return folders;
}

// Goes down the directories of LAYOUT=fs.
class Descent {
 public:
  Descent(const MailLocation& location, const FolderListLimits& limits)
      : location_(location), limits_(limits) {}

  Result<std::vector<FolderEntry>> run() {
    struct stat status {};
    if (::stat(location_.root.c_str(), &status) != 0) return std::move(folders_);
    above_.push_back({status.st_dev, status.st_ino});
    TRY_DO(list_below(location_.root, ""));
    return std::move(folders_);
  }

 private:
  using Identity = std::pair<dev_t, ino_t>;

  Result<void> list_below(const std::string& directory, const std::string& prefix) {
    std::vector<std::string> entries;
    TRY_DO(list_directory(directory, SIZE_MAX, [&](std::string_view entry, unsigned char type) {
      if (may_be_directory(type) && !is_kept_name(entry, prefix.empty())) {
        entries.emplace_back(entry);
      }
    }));
    for (const auto& entry : entries) {
      if (folders_.size() >= limits_.folders_max) return {};
      auto path = directory + "/" + entry;
      struct stat status {};
      bool is_there = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
      Identity identity{status.st_dev, status.st_ino};
      if (!is_there || is_named(path) || std::ranges::find(above_, identity) != above_.end()) {
        continue;
      }
      auto level = modified_utf7_decode(entry);
      if (!level) continue;
      auto name = prefix + *level;
      if (path != location_.inbox) folders_.push_back({name, path, has_messages(path)});
      if (above_.size() >= limits_.depth_max) continue;
      above_.push_back(identity);
      auto listed = list_below(path, name + "/");
      above_.pop_back();
      // One that may not be read shows nothing below it, nor one that is gone by now.
      if (!listed && ::access(path.c_str(), R_OK | X_OK) == 0) return listed;
    }
    return {};
  }

  // What the location has put in the root. root/INBOX has the folders below INBOX as well.
  bool is_named(const std::string& path) const {
    bool is_own_inbox = location_.inbox == path && location_.inbox != location_.root + "/INBOX";
    return is_own_inbox || location_.index == path || location_.control == path;
  }

  const MailLocation& location_;
  const FolderListLimits& limits_;
  std::vector<Identity> above_;
  std::vector<FolderEntry> folders_;
};

}  // namespace

const std::string& lists_directory(const MailLocation& location) {
  return location.control.empty() ? location.root : location.control;
}

bool has_messages(const std::string& directory) {
  struct stat status {};
  return ::stat((directory + "/cur").c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_kept_name(std::string_view level, bool is_first) {
  constexpr std::array parts{"cur", "new", "tmp", "maildirfolder"};
  constexpr std::array in_root{"maildirsize", "subscriptions", "subscriptions.lock"};
  auto is_one_of = [level](auto names) { return std::ranges::find(names, level) != names.end(); };
  return level.starts_with('.') || level.starts_with("dovecot-") || level.starts_with("dovecot.") ||
         level.starts_with("pennypost-") || is_one_of(parts) || (is_first && is_one_of(in_root));
}

Result<std::vector<FolderEntry>> list_folders(const MailLocation& location,
                                              const FolderListLimits& limits) {
  if (location.is_fs()) return Descent(location, limits).run();
  if (!FileStamp::of(location.root).exists()) return std::vector<FolderEntry>();
  return list_beside(location.root, limits.folders_max);
}

}  // namespace pennypost::store
