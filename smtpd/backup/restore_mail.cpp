// Brings mail of one account back into its mailbox of this host, as restore.h says.
//
// A Maildir folder that is missing or empty gets its lists before its messages, all under the lock
// of dovecot-uidlist, so that no program that runs meanwhile gives these messages other UIDs.
// `pennypost-restoring` lies in it until it is whole: a restore that was interrupted goes on.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <set>

#include "common/base/file.h"
#include "common/base/text.h"
#include "smtpd/backup/maildir_places.h"
#include "smtpd/backup/mbox_lock.h"
#include "smtpd/backup/restore.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/uidlist.h"

namespace pennypost::smtp {
namespace {

using store::parent_of;

constexpr std::string_view quota_name = "maildirsize";
constexpr std::string_view mark_name = "pennypost-restoring";

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string base_of(const std::string& name) { return name.substr(0, name.find(':')); }

/// The message's name without keywords, which are numbers in a list of its folder.
std::string without_keywords(const std::string& name) {
  auto flags = name.rfind(":2,");
  if (flags == name.npos) return name;
  std::string kept = name.substr(0, flags + 3);
  for (char c : name.substr(flags + 3)) {
    if (c < 'a' || c > 'z') kept += c;
  }
  return kept;
}

std::set<std::string> bases_in(const std::string& folder) {
  std::set<std::string> bases;
  for (const char* part : {"/new", "/cur"}) {
    auto listed = store::list_directory(folder + part, SIZE_MAX, [&](std::string_view name, auto) {
      bases.insert(base_of(std::string(name)));
    });
    if (!listed) continue;  // missing: it has none
  }
  return bases;
}

bool is_same_text(const std::string& a, const std::string& b) {
  constexpr std::uint64_t keywords_bytes_max = 1 << 20;
  auto first = read_file(a, keywords_bytes_max);
  auto second = read_file(b, keywords_bytes_max);
  return first && second && *first && *second && **first == **second;
}

class MailRestore {
 public:
  MailRestore(const RestoreJob& job, const Config& config, const BackupAccount& account,
              const MailPlace& place)
      : job_(job),
        config_(config),
        account_(account),
        place_(place),
        there_(account),
        here_(described(place)) {}

  Result<RestoreDone> maildir(const Manifest& manifest, const std::string& folder) {
    TRY(auto wanted, there_.key_of(folder.empty() ? "INBOX" : folder));
    std::map<std::string, Parts> folders;
    for (const auto& item : manifest.items) {
      auto part = there_.part_of(item);
      if (!part) continue;
      if (folder.empty() || part->folder == wanted) {
        auto key = part->folder;
        folders[key].push_back({&item, *std::move(part)});
      }
    }
    if (folders.empty()) return no_folder(folder);
    for (const auto& [key, parts] : folders) {
      TRY_DO(one_folder(key, parts));
    }
    TRY(auto acting, ActingAccount::take(config_, place_.account));
    ::unlink((here_.account_lists() + "/" + std::string(quota_name)).c_str());  // counted anew
    return std::move(done_);
  }

  Result<RestoreDone> mbox(const Manifest& manifest, const std::string& folder) {
    bool is_found = false;
    for (const auto& item : manifest.items) {
      auto path = here_of_mbox(item.path);
      if (!path || item.kind != BackupItem::Kind::File) continue;
      std::string name =
          item.path == account_.inbox ? "INBOX" : item.path.substr(account_.root.size() + 1);
      if (!folder.empty() && store::modified_utf7_decode(name) != folder) continue;
      is_found = true;
      TRY_DO(one_mbox(item, *path));
    }
    if (!is_found) return no_folder(folder);
    return std::move(done_);
  }

 private:
  Error no_folder(const std::string& folder) const {
    return Error::permanent("the backup has no " +
                            (folder.empty() ? "mail" : "folder " + printable(folder, 300)) +
                            " of " + account_.name);
  }

  std::string here(const std::string& path) const {
    return place_.location.root + path.substr(account_.root.size());
  }

  /// Something of a Maildir in the backup.
  struct PartItem {
    const BackupItem* item;
    MaildirPlaces::Part part;
    bool is_list() const { return item->kind == BackupItem::Kind::File && part.is_list(); }
    bool is_message() const {
      return part.rest.starts_with("new/") || part.rest.starts_with("cur/");
    }
  };
  using Parts = std::vector<PartItem>;

  struct Folder {
    bool is_fresh = false;  // it had no mail and no UIDs
    bool keeps_keywords = false;
    std::set<std::string> bases;
  };
  Folder folder_here(const std::string& key) const {
    Folder folder;
    auto has = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; };
    folder.bases = bases_in(here_.directory(key));
    auto lists = here_.lists(key) + "/";
    bool has_mark = has(here_.directory(key) + "/" + std::string(mark_name));
    folder.is_fresh = has_mark || (folder.bases.empty() && !has(lists + std::string(uidlist_name)));
    folder.keeps_keywords =
        folder.is_fresh || is_same_text(lists + std::string(keywords_name),
                                        job_.directory + "/files" + there_.lists(key) + "/" +
                                            std::string(keywords_name));
    return folder;
  }

  Result<void> one_folder(const std::string& key, const Parts& parts) {
    std::string path = here_.directory(key);
    TRY_DO(make(path));
    TRY_DO(make(here_.lists(key)));
    TRY(auto lock, lock_uids(here_.lists(key)));
    auto folder = folder_here(key);
    std::string mark = path + "/" + std::string(mark_name);
    if (folder.is_fresh) {
      TRY(auto acting, ActingAccount::take(config_, place_.account));
      TRY_DO(open_file(mark, O_WRONLY | O_CREAT | O_NOFOLLOW));
      TRY_DO(sync_directory(path));
    }
    for (bool are_lists : {true, false}) {
      for (const auto& part : parts) {
        if (part.is_list() != are_lists) continue;
        TRY_DO(one_of_maildir(part, folder));
      }
    }
    TRY(auto acting, ActingAccount::take(config_, place_.account));
    ::unlink(mark.c_str());
    return {};
  }

  Result<store::Dotlock> lock_uids(const std::string& path) const {
    TRY(auto acting, ActingAccount::take(config_, place_.account));
    return store::UidList(path, {}).lock();
  }

  Result<void> one_of_maildir(const PartItem& part, const Folder& folder) {
    const auto& item = *part.item;
    std::string path = here_.path(part.part);
    if (item.kind == BackupItem::Kind::Directory) return make(path);
    if (item.kind == BackupItem::Kind::Link) return {};
    if (!part.is_message()) return beside_messages(part, path, folder);
    if (folder.bases.contains(base_of(name_of(item.path)))) {
      ++done_.kept;
      return {};
    }
    if (!folder.keeps_keywords) path = parent_of(path) + "/" + without_keywords(name_of(path));
    return write(item, path);
  }

  /// Lists of a folder that has mail stay; what is missing beside them comes back.
  Result<void> beside_messages(const PartItem& part, const std::string& path,
                               const Folder& folder) {
    std::string name = name_of(path);
    if (name == quota_name) return {};
    if (name == mark_name || (part.is_list() && !folder.is_fresh)) return {};
    if (::access(path.c_str(), F_OK) == 0) return {};
    return write(*part.item, path);
  }

  std::optional<std::string> here_of_mbox(const std::string& path) const {
    if (path == account_.inbox) return place_.location.inbox;
    std::string above = account_.root + "/";
    if (!path.starts_with(above) || path.substr(above.size()).starts_with('.') ||
        path.find("/.") != path.npos) {
      return std::nullopt;
    }
    return here(path);
  }

  /// A folder that has mail stays, and the backup's is a folder beside it.
  Result<void> one_mbox(const BackupItem& item, std::string path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && status.st_size > 0) {
      std::string name = name_of(path) + ".restored-" + std::to_string(std::time(nullptr));
      bool is_inbox = path == place_.location.inbox;
      path = (is_inbox ? place_.location.root : parent_of(path)) + "/" + name;
      done_.warnings.push_back(name_of(item.path) + " has mail; the backup's is in the folder " +
                               name);
    }
    TRY_DO(make(parent_of(path)));
    return write(item, path);
  }

  Result<void> make(const std::string& path) {
    TRY(auto acting, ActingAccount::take(config_, place_.account));
    return store::make_directories(path);
  }

  /// Root opens what is in the backup, and the account writes. Of a message nothing is seen in
  /// its folder before it is whole.
  Result<void> write(const BackupItem& item, const std::string& path) {
    TRY(auto from, open_item(job_, item));
    TRY(auto acting, ActingAccount::take(config_, place_.account));
    std::string directory = parent_of(path);
    TRY_DO(store::make_directories(directory));
    bool is_message = name_of(directory) == "new" || name_of(directory) == "cur";
    std::string tmp = parent_of(directory) + "/tmp";
    bool has_tmp = is_message && ::access(tmp.c_str(), W_OK) == 0;
    std::string fresh = (has_tmp ? tmp : directory) + "/." + name_of(path) + ".restore";
    TRY_DO(bring_back(from, item, path, fresh, false));
    ++done_.files;
    done_.bytes += item.size;
    return {};
  }

  const RestoreJob& job_;
  const Config& config_;
  const BackupAccount& account_;
  const MailPlace& place_;
  MaildirPlaces there_;
  MaildirPlaces here_;
  RestoreDone done_;
};

}  // namespace

Result<RestoreDone> restore_mail(const RestoreJob& job, const Manifest& manifest,
                                 const Config& config, const BackupAccount& account,
                                 const MailPlace& place, const std::string& folder) {
  auto here = described(place);
  if (here.format != account.format) {
    return Error::permanent("the backup's mail of " + account.name + " is " + account.format +
                            ", and here it is " + here.format +
                            "; set mail_location as it was, restore, then convert");
  }
  MailRestore restore(job, config, account, place);
  if (account.format == "mbox") return restore.mbox(manifest, folder);
  return restore.maildir(manifest, folder);
}

}  // namespace pennypost::smtp
