#include "store/sharing/other_users.h"

#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::store {
namespace {

constexpr int register_lock_ms = 100;

}  // namespace

OtherUsers::OtherUsers(std::shared_ptr<const Config> config, Complete complete)
    : config_(std::move(config)),
      complete_(std::move(complete)),
      shares_(config_->virtual_mailbox_base, register_lock_ms) {}

bool OtherUsers::may_share(const Config& config, const AccountRef& account) {
  return !config.namespace_shared_prefix.empty() && !account.is_system &&
         account.mail_location.starts_with("maildir:");
}

Result<Accounts> OtherUsers::accounts() {
  std::lock_guard guard(mutex_);
  if (!accounts_) {
    TRY(accounts_,
        Accounts::open(config_, system_users_of(*config_), map_options(*config_, "acl")));
  }
  return *accounts_;
}

Result<std::unique_ptr<MailStore>> OtherUsers::open(const std::string& owner, char separator) {
  std::unique_ptr<MailStore> none;
  TRY(auto known, accounts());
  TRY(auto account, known.by_name(owner));
  if (!account || account->name != owner || !may_share(*config_, *account)) return none;
  TRY(auto location, MailLocation::parse(account->mail_location, {account->name, account->home}));
  auto settings = store_settings(*config_, *account);
  if (separator != '\0') settings.separator = separator;
  complete_(settings);
  // The mail of somebody who has none yet is not made by looking for it.
  settings.create_missing = false;
  return open_store(std::move(location), std::move(settings));
}

}  // namespace pennypost::store
