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
#include "smtpd/backup/mbox_lock.h"
#include "smtpd/backup/restore.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/uidlist.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view uidlist_name = "dovecot-uidlist";
constexpr std::string_view keywords_name = "dovecot-keywords";
constexpr std::string_view quota_name = "maildirsize";
constexpr std::string_view mark_name = "pennypost-restoring";

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
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
      : job_(job), config_(config), account_(account), place_(place) {}

  Result<RestoreDone> maildir(const Manifest& manifest, const std::string& folder) {
    std::string wanted = account_.root;
    if (!folder.empty() && folder != "INBOX") {
      TRY(auto name, store::MailboxName::parse(folder, '.'));
      wanted += "/." + store::modified_utf7_encode(name.text()).value_or("");
    }
    std::map<std::string, Items> folders;
    for (const auto& item : manifest.items) {
      if (!item.path.starts_with(account_.root + "/")) continue;
      auto in_backup = folder_of(item);
      if (folder.empty() || in_backup == wanted) folders[in_backup].push_back(&item);
    }
    if (folders.empty()) return no_folder(folder);
    for (const auto& [in_backup, items] : folders) {
      TRY_DO(one_folder(in_backup, items));
    }
    TRY(auto acting, ActingAccount::take(config_, place_.account));
    ::unlink((place_.location.root + "/" + std::string(quota_name)).c_str());  // counted anew
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

  /// The directory of the Maildir folder that an item belongs to.
  std::string folder_of(const BackupItem& item) const {
    auto rest = item.path.substr(account_.root.size() + 1);
    auto end = rest.find('/');
    bool is_inside = end != rest.npos || item.kind == BackupItem::Kind::Directory;
    if (!rest.starts_with('.') || !is_inside) return account_.root;
    return account_.root + "/" + rest.substr(0, end);
  }
  std::string here(const std::string& path) const {
    return place_.location.root + path.substr(account_.root.size());
  }

  struct Folder {
    std::string in_backup;
    bool is_fresh = false;  // it had no mail and no UIDs
    bool keeps_keywords = false;
    std::set<std::string> bases;
  };
  Folder folder_here(const std::string& in_backup) const {
    Folder folder;
    folder.in_backup = in_backup;
    std::string path = here(in_backup);
    auto has = [&](std::string_view name) {
      return ::access((path + "/" + std::string(name)).c_str(), F_OK) == 0;
    };
    folder.bases = bases_in(path);
    std::string keywords = path + "/" + std::string(keywords_name);
    folder.is_fresh = has(mark_name) || (folder.bases.empty() && !has(uidlist_name));
    folder.keeps_keywords =
        folder.is_fresh || is_same_text(keywords, job_.directory + "/files" + in_backup + "/" +
                                                      std::string(keywords_name));
    return folder;
  }

  using Items = std::vector<const BackupItem*>;
  Result<void> one_folder(const std::string& in_backup, const Items& items) {
    std::string path = here(in_backup);
    TRY_DO(make(path));
    TRY(auto lock, lock_uids(path));
    auto folder = folder_here(in_backup);
    std::string mark = path + "/" + std::string(mark_name);
    if (folder.is_fresh) {
      TRY(auto acting, ActingAccount::take(config_, place_.account));
      TRY_DO(open_file(mark, O_WRONLY | O_CREAT | O_NOFOLLOW));
      TRY_DO(sync_directory(path));
    }
    for (bool are_lists : {true, false}) {
      for (const auto* item : items) {
        if (is_list(*item) != are_lists) continue;
        TRY_DO(one_of_maildir(*item, folder));
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

  static bool is_list(const BackupItem& item) {
    std::string name = name_of(item.path);
    return item.kind == BackupItem::Kind::File && (name == uidlist_name || name == keywords_name);
  }

  Result<void> one_of_maildir(const BackupItem& item, const Folder& folder) {
    const std::string& in_backup = folder.in_backup;
    std::string path = here(item.path);
    if (item.kind == BackupItem::Kind::Directory) return make(path);
    if (item.kind == BackupItem::Kind::Link) return {};
    std::string part = name_of(parent_of(item.path));
    bool is_message =
        (part == "new" || part == "cur") && parent_of(parent_of(item.path)) == in_backup;
    if (!is_message) return beside_messages(item, path, folder);
    if (folder.bases.contains(base_of(name_of(item.path)))) {
      ++done_.kept;
      return {};
    }
    if (!folder.keeps_keywords) path = parent_of(path) + "/" + without_keywords(name_of(path));
    return write(item, path);
  }

  /// Lists of a folder that has mail stay; what is missing beside them comes back.
  Result<void> beside_messages(const BackupItem& item, const std::string& path,
                               const Folder& folder) {
    std::string name = name_of(path);
    if (name == quota_name) return {};
    if (name == mark_name || (is_list(item) && !folder.is_fresh)) return {};
    if (::access(path.c_str(), F_OK) == 0) return {};
    return write(item, path);
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
