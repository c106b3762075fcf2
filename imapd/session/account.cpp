#include "imapd/session/account.h"

namespace pennypost::imap {

Account::Account(Accounts& accounts, std::string name)
    : threads(accounts.threads_), accounts_(accounts), name_(std::move(name)) {}

Account::~Account() { accounts_.open_.erase(name_); }

void Account::start(Task<> task) { accounts_.background_.start(std::move(task)); }

std::shared_ptr<Account> Accounts::open(const std::string& name) {
  auto found = open_.find(name);
  if (found != open_.end()) return found->second.lock();
  auto account = std::make_shared<Account>(*this, name);
  open_[name] = account;
  return account;
}

}  // namespace pennypost::imap
