#include "smtpd/routing/account_finder.h"

#include <utility>

namespace pennypost::smtp {
namespace {

class RealAccounts final : public AccountFinder {
 public:
  explicit RealAccounts(store::Accounts accounts) : accounts_(std::move(accounts)) {}
  Result<std::optional<AccountRef>> by_address(std::string_view local,
                                               std::string_view domain) const override {
    return accounts_.by_address(local, domain);
  }
  Result<std::optional<AccountRef>> own_by_address(std::string_view local,
                                                   std::string_view domain) const override {
    return accounts_.own_by_address(local, domain);
  }
  Result<std::optional<AccountRef>> by_name(std::string_view name) const override {
    return accounts_.by_name(name);
  }

 private:
  store::Accounts accounts_;
};

}  // namespace

std::shared_ptr<const AccountFinder> finder_in(store::Accounts accounts) {
  return std::make_shared<RealAccounts>(std::move(accounts));
}

}  // namespace pennypost::smtp
