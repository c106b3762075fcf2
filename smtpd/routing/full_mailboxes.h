// Remembers whose mailbox the last delivery found full, so that RCPT can refuse more mail for it.
//
// A hint: the delivery alone enforces the quota. It ends with a delivery that succeeds, and by
// itself after full_mailbox_seconds, since whoever makes room by POP3 or IMAP does not tell us.
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

  /// What a delivery to this account has found.
  void note(const std::string& account, bool is_full);
  bool contains(std::string_view account) const;
  /// Nothing to ask about: the usual case, which costs no look-up.
  bool empty() const;

 private:
  void forget_old();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Microseconds, std::less<>> since_;
  std::deque<std::pair<Microseconds, std::string>> by_age_;  // also of entries noted anew or gone
};

}  // namespace pennypost::smtp
