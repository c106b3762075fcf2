// Remembers which mailboxes the last delivery found full, so that RCPT can refuse more mail for
// them.
//
// This is only a hint: delivery enforces the quota. It is forgotten after a delivery that succeeds,
// and after full_mailbox_seconds, since nothing tells us when a user makes room by POP3 or IMAP.
//
// May be used by several threads.
//
// LIMITS  full_mailboxes_max accounts; of more, those noted first are forgotten first
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace pennypost::smtp {

inline constexpr std::size_t full_mailboxes_max = 10'000;
inline constexpr std::chrono::minutes full_mailbox_seconds{5};

class FullMailboxes {
 public:
  explicit FullMailboxes(const Clock& clock = Clock::system()) : clock_(clock) {}

  /// Notes what a delivery to this account has found.
  void note(const std::string& account, bool is_full);
  bool contains(std::string_view account) const;
  /// True in the usual case, in which callers can do without a look-up.
  bool empty() const;

 private:
  void forget_old();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Microseconds, std::less<>> since_;
  std::deque<std::pair<Microseconds, std::string>> by_age_;  // may also have outdated entries
};

}  // namespace pennypost::smtp
