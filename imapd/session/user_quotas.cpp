#include "imapd/session/user_quotas.h"

#include "store/accounts/accounts.h"
#include "store/login/credentials_keeper.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::imap {

/// Opens the table anew, so that what was set a moment ago is seen.
Result<std::optional<store::Usage>> UserQuotas::of(const std::string& user) {
  auto config = child_.config();
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config),
                                           store::map_options(*config, "quota")));
  TRY(auto account, accounts.by_name(user));
  if (!account || account->name != user || account->is_system) {
    return Error(550, ResponseCode::NonExistent, "No such quota root");
  }
  store::LocationUser owner;
  owner.name = account->name;
  owner.home = account->home;
  TRY(auto location, store::MailLocation::parse(account->mail_location, owner));
  auto settings = store::store_settings(*config, *account);
  settings.create_missing = false;
  return store::open_store(std::move(location), std::move(settings))->quota();
}

Task<Result<void>> UserQuotas::set(std::string admin, std::string user, SetLimits limits) {
  store::SetQuota ask;
  ask.admin = std::move(admin);
  ask.user = std::move(user);
  ask.bytes = limits.bytes;
  ask.messages = limits.messages;
  auto asking = child_.port("master").call(std::move(ask));
  CO_TRY_DO(co_await std::move(asking));
  co_return Result<void>();
}

}  // namespace pennypost::imap
