// Records which users share mailboxes with whom, so that a user's LIST need not look into
// everyone's mail.
//
//   file = "pennypost-shares 1" LF *( identifier TAB owner LF )     ascending, without owner's own
//
// The file is $virtual_mailbox_base/.shared-mailboxes, and belongs to virtual_mail_owner, as the
// mail does. It is only a hint where to look: what a user may see there, each mailbox's dovecot-acl
// says. Lost, it is made anew by `pennypost acl recalc -A`; until then mailboxes are reached by
// their names, but not listed. It is changed under a dotlock, written beside and renamed.
//
// Thread-safe; one for all sessions of a process, which reads the file again when it has changed.
//
// LIMITS     file_bytes_max, owners_max for a visitor
// SEE ALSO   acl.h (identifiers), shared_store.h (who asks)
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/sharing/acl.h"

namespace pennypost::store {

class ShareRegister {
 public:
  static constexpr std::string_view file_name = ".shared-mailboxes";
  static constexpr std::size_t file_bytes_max = 64 << 20;
  static constexpr std::size_t owners_max = 1000;

  /// An identifier as in dovecot-acl, and an owner who has granted it something.
  using Share = std::pair<std::string, std::string>;
  using Shares = std::vector<Share>;

  /// `directory` is virtual_mailbox_base; `brief_lock_ms` as in StoreSettings.
  explicit ShareRegister(const std::string& directory, int brief_lock_ms = 0)
      : directory_(directory),
        path_(directory + "/" + std::string(file_name)),
        brief_lock_ms_(brief_lock_ms) {}

  /// The owners, ascending, who share something with the visitor: owners_max at most, and none if
  /// the file can't be read, which is logged.
  std::vector<std::string> owners_for(const Visitor& visitor);
  /// Where a change shows of what is shared on this host.
  const std::string& directory() const { return directory_; }
  /// From now on the owner shares with these alone. The file is written anew in any case, so that
  /// who watches the directory looks again at what it may see.
  Result<void> set(const std::string& owner, const std::set<std::string>& identifiers);
  /// Looks through the owner's mailboxes, and records with whom they are shared.
  Result<void> recount(const std::string& owner, MailStore& store);
  /// The owners who have granted something to this identifier; all if it is empty.
  Result<std::vector<std::string>> owners_of(const std::string& identifier);

  /// Ascending. Error Corruption: it is no such file.
  static Result<Shares> parse(std::string_view text);
  static std::string text_of(const Shares& shares);

 private:
  Result<std::shared_ptr<const Shares>> shares();

  std::string directory_;
  std::string path_;
  int brief_lock_ms_;
  std::mutex mutex_;  // guards the two that follow
  FileStamp stamp_;
  std::shared_ptr<const Shares> shares_;
};

}  // namespace pennypost::store
