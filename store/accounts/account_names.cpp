#include "store/accounts/account_names.h"

#include <pwd.h>

#include "store/accounts/own_users.h"

namespace pennypost::store {

Result<std::vector<std::string>> account_names(const std::shared_ptr<const Config>& config) {
  std::vector<std::string> names;
  if (!config->users_map.empty() && config->users_map.type == "hash") {
    TRY(auto users, OwnUsers::open(config));
    TRY(auto own, users.list());
    for (auto& user : own) names.push_back(std::move(user.name));
  }
  if (!config->system_users) return names;
  ::setpwent();
  while (const passwd* user = ::getpwent()) {
    if (user->pw_uid != 0) names.emplace_back(user->pw_name);
  }
  ::endpwent();
  return names;
}

}  // namespace pennypost::store
