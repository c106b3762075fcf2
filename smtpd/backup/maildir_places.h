// Says which folder of a Maildir a path belongs to, and where that folder is in another Maildir of
// the same layout: for a restore to a place with other paths.
//
// A folder's key is its directory below the root: `.Sent.2024`, or `Sent/2024` with LAYOUT=fs; that
// of INBOX is empty. Lists (dovecot-uidlist, dovecot-keywords) lie in the folder or where CONTROL=
// says, which may be the one in the backup and the other here.
//
// SEE ALSO   restore_mail.cpp, ../../store/maildir/layout.h
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtpd/backup/manifest.h"

namespace pennypost::smtp {

/// What BackupAccount::format is for a Maildir with LAYOUT=fs.
inline constexpr std::string_view maildir_fs_format = "maildir-fs";

inline constexpr std::string_view uidlist_name = "dovecot-uidlist";
inline constexpr std::string_view keywords_name = "dovecot-keywords";

class MaildirPlaces {
 public:
  explicit MaildirPlaces(BackupAccount account);

  struct Part {
    std::string folder;  ///< the key
    std::string rest;    ///< within the folder; empty: its directory
    /// It is of the account and not of a folder: subscriptions, maildirsize.
    bool is_of_account = false;
    bool is_list() const { return rest == uidlist_name || rest == keywords_name; }
  };
  /// Nothing: the path is of no mail of this account.
  std::optional<Part> part_of(const BackupItem& item) const;
  /// Where such a part is here.
  std::string path(const Part& part) const;

  std::string directory(const std::string& folder) const;
  std::string lists(const std::string& folder) const;
  /// Where subscriptions and maildirsize are.
  std::string account_lists() const;
  /// The key of a folder as IMAP names it. Error: it is no folder's name.
  Result<std::string> key_of(const std::string& name) const;

 private:
  std::string key_within(const std::string& entry, std::string& rest, bool is_directory) const;

  BackupAccount account_;
  bool is_fs_;
};

}  // namespace pennypost::smtp
