#include "smtpd/routing/full_mailboxes.h"

namespace pennypost::smtp {

void FullMailboxes::note(const std::string& account, bool is_full) {
  std::lock_guard lock(mutex_);
  forget_old();
  if (!is_full) {
    since_.erase(account);
    return;
  }
  since_[account] = clock_.now();
  by_age_.emplace_back(clock_.now(), account);
}

bool FullMailboxes::contains(std::string_view account) const {
  std::lock_guard lock(mutex_);
  auto found = since_.find(account);
  return found != since_.end() && clock_.now() - found->second < full_mailbox_seconds;
}

bool FullMailboxes::empty() const {
  std::lock_guard lock(mutex_);
  return since_.empty();
}

void FullMailboxes::forget_old() {
  auto oldest = clock_.now() - full_mailbox_seconds;
  while (!by_age_.empty() &&
         (by_age_.front().first <= oldest || by_age_.size() >= full_mailboxes_max)) {
    auto found = since_.find(by_age_.front().second);
    if (found != since_.end() && found->second == by_age_.front().first) since_.erase(found);
    by_age_.pop_front();
  }
}

}  // namespace pennypost::smtp
