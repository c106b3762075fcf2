#include "smtpd/backup/maildir_places.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view inbox_entry = "INBOX";

std::optional<std::string> below(const std::string& directory, const std::string& path) {
  if (directory.empty() || !path.starts_with(directory)) return std::nullopt;
  if (path.size() == directory.size()) return "";
  if (path[directory.size()] != '/') return std::nullopt;
  return path.substr(directory.size() + 1);
}

bool is_part(std::string_view name) { return name == "cur" || name == "new" || name == "tmp"; }

bool is_account_file(std::string_view name) {
  return name == "subscriptions" || name == "maildirsize" ||
         name.starts_with("dovecot-uidvalidity");
}

std::string joined(const std::string& directory, const std::string& rest) {
  return rest.empty() ? directory : directory + "/" + rest;
}

}  // namespace

MaildirPlaces::MaildirPlaces(BackupAccount account)
    : account_(std::move(account)), is_fs_(account_.format == maildir_fs_format) {}

// The key of a path below the root, and what is left of it within the folder.
std::string MaildirPlaces::key_within(const std::string& entry, std::string& rest,
                                      bool is_directory) const {
  auto levels = split(entry, '/');
  std::size_t count = 0;
  if (is_fs_) {
    auto part = std::ranges::find_if(levels, is_part);
    count = static_cast<std::size_t>(part - levels.begin());
    bool is_file = part == levels.end() && !is_directory;
    if (is_file) --count;
  } else if (entry.starts_with('.') && (levels.size() > 1 || is_directory)) {
    count = 1;
  }
  std::string key;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    auto& text = i < count ? key : rest;
    if (!text.empty()) text += '/';
    text += levels[i];
  }
  return key;
}

std::optional<MaildirPlaces::Part> MaildirPlaces::part_of(const BackupItem& item) const {
  Part part;
  bool is_directory = item.kind == BackupItem::Kind::Directory;
  if (auto entry = below(account_.control, item.path)) {
    if (entry->empty()) return std::nullopt;
    part.folder = key_within(*entry, part.rest, is_directory);
    part.is_of_account = part.folder.empty();
    if (part.folder == (is_fs_ ? "" : ".") + std::string(inbox_entry)) part.folder.clear();
    return part;
  }
  if (account_.inbox != account_.root) {
    if (auto entry = below(account_.inbox, item.path)) {
      part.rest = *entry;
      return part;
    }
  }
  auto entry = below(account_.root, item.path);
  if (!entry || entry->empty()) return std::nullopt;
  part.folder = key_within(*entry, part.rest, is_directory);
  bool is_beside_inbox = part.folder.empty() && account_.inbox != account_.root;
  part.is_of_account = is_beside_inbox || (part.folder.empty() && is_account_file(part.rest));
  return part;
}

std::string MaildirPlaces::path(const Part& part) const {
  if (part.is_of_account) {
    return joined(is_account_file(part.rest) ? account_lists() : account_.root, part.rest);
  }
  return joined(part.is_list() ? lists(part.folder) : directory(part.folder), part.rest);
}

std::string MaildirPlaces::directory(const std::string& folder) const {
  return folder.empty() ? account_.inbox : account_.root + "/" + folder;
}

std::string MaildirPlaces::lists(const std::string& folder) const {
  if (account_.control.empty()) return directory(folder);
  std::string inbox = (is_fs_ ? "" : ".") + std::string(inbox_entry);
  return account_.control + "/" + (folder.empty() ? inbox : folder);
}

std::string MaildirPlaces::account_lists() const {
  return account_.control.empty() ? account_.root : account_.control;
}

Result<std::string> MaildirPlaces::key_of(const std::string& name) const {
  TRY(auto parsed, store::MailboxName::parse(name, is_fs_ ? '/' : '.'));
  if (parsed.is_inbox()) return std::string();
  return (is_fs_ ? "" : ".") + store::modified_utf7_encode(parsed.text()).value_or("");
}

}  // namespace pennypost::smtp
