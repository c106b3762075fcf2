#include "store/sharing/acl_file.h"

#include <unistd.h>

#include <cerrno>

#include "common/log/log.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

// Dovecot's list of the mailboxes that others may see; it makes it anew when it is missing.
constexpr std::string_view dovecot_list = "/dovecot-acl-list";

}  // namespace

Result<AclFile> AclFile::of(MailStore& store, const MailboxName& mailbox) {
  TRY(auto directory, store.directory_of(mailbox));
  TRY(auto root, store.directory_of(MailboxName::inbox()));
  return AclFile(std::move(directory), std::move(root), store.settings());
}

Result<Acl> AclFile::read() const {
  TRY(auto text, read_file(path(), Acl::file_bytes_max));
  if (!text) return Acl();
  auto acl = Acl::parse(*text);
  if (acl) return acl;
  return Error(550, ResponseCode::Corruption, path() + ": " + acl.error().text())
      .told("The list of who may use this mailbox is damaged");
}

Rights AclFile::rights_of(const Visitor& visitor) const {
  auto acl = read();
  if (acl) return acl->rights_of(visitor);
  log_warning("acl", acl.error().text() + ": nobody but the owner may use this mailbox");
  return visitor.is_owner ? Rights::all() : Rights();
}

Result<void> AclFile::change(const std::function<Result<void>(Acl&)>& edit) const {
  DotlockRule rule;
  rule.delay_ms = 50;
  rule.brief_ms = brief_lock_ms_;
  TRY(auto lock, Dotlock::take(path(), rule));
  TRY(auto acl, read());
  auto before = acl;
  TRY_DO(edit(acl));
  return acl == before ? Result<void>() : write(acl);
}

Result<void> AclFile::write(const Acl& acl) const {
  if (acl.empty()) {
    if (::unlink(path().c_str()) != 0 && errno != ENOENT) return file_error("remove", path());
  } else {
    auto text = acl.text();
    if (text.size() > Acl::file_bytes_max) {
      return Error(550, ResponseCode::Limit, "The list of who may use this mailbox is too long");
    }
    TRY_DO(replace_file(path(), path() + ".tmp", text, fsync_));
  }
  ::unlink((root_ + std::string(dovecot_list)).c_str());
  return fsync_ ? sync_directory(directory_) : Result<void>();
}

}  // namespace pennypost::store
