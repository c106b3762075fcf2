#include "smtpd/backup/mbox_lock.h"

#include <grp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/process/privileges.h"
#include "store/mbox/layout.h"
#include "store/stores/store_settings.h"

namespace pennypost::smtp {
namespace {

/// The folder whose file this is; nothing if it is none.
std::optional<store::MailboxName> folder_of(const store::MboxLayout& layout,
                                            const std::string& path) {
  if (path == layout.location().inbox) return store::MailboxName::inbox();
  std::string above = layout.root() + "/";
  if (!path.starts_with(above)) return std::nullopt;
  auto text = store::modified_utf7_decode(path.substr(above.size()));
  if (!text) return std::nullopt;
  auto name = store::MailboxName::parse(*text, '/');
  if (!name || layout.file(*name) != path || !layout.check(*name)) return std::nullopt;
  return *std::move(name);
}

}  // namespace

Result<ActingAccount> ActingAccount::take(const Config& config, const store::AccountRef& account) {
  if (!is_root()) return ActingAccount(false);
  TRY(auto spool_group, Identity::find_group(config.mail_privileged_group));
  const gid_t own = account.gid;
  if (::setgroups(1, &own) != 0 ||
      ::setresgid(static_cast<gid_t>(-1), own, spool_group.value_or(own)) != 0 ||
      ::seteuid(account.uid) != 0) {
    return Error::temporary("taking the rights of " + account.name + ": " + std::strerror(errno));
  }
  return ActingAccount(true);
}

ActingAccount::~ActingAccount() {
  if (!is_acting_) return;
  ASSERT(::seteuid(0) == 0);
  ASSERT(::setresgid(static_cast<gid_t>(-1), 0, 0) == 0);
  ASSERT(::setgroups(0, nullptr) == 0);
}

Copier::TakeLock mbox_lock(std::shared_ptr<const Config> config, const MailPlace& place) {
  if (place.location.format != store::MailLocation::Format::Mbox) return nullptr;
  auto layout = std::make_shared<store::MboxLayout>(place.location,
                                                    store::store_settings(*config, place.account));
  std::string state = place.location.index + "/.imap/.pennypost/";
  return [config, layout, state,
          account = place.account](const std::string& path) -> Result<std::optional<Copier::Lock>> {
    if (path.starts_with(state) && (path.ends_with(".journal") || path.ends_with(".reserve"))) {
      return std::optional<Copier::Lock>();
    }
    auto folder = folder_of(*layout, path);
    if (!folder) return std::optional(Copier::Lock());
    TRY(auto acting, ActingAccount::take(*config, account));
    TRY(auto lock, layout->lock_existing(*folder));
    // Given back as it was taken.
    auto release = [config, account](store::MboxLock* held) {
      auto again = ActingAccount::take(*config, account);
      delete held;
    };
    std::shared_ptr<store::MboxLock> held(new store::MboxLock(std::move(lock)), release);
    return std::optional<Copier::Lock>(std::move(held));
  };
}

}  // namespace pennypost::smtp
