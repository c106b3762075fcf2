// Keeps the orders and threads of mailboxes that an account's clients have asked for, so that who
// asks again does not wait for a sort.
//
// What is compared of a message never changes, so an order stays right while its mailbox does not
// begin anew (UIDVALIDITY): messages that are gone are passed over, and new ones put in. Threads
// are told again only for the same messages.
//
// SEE ALSO   ../command/ordering.h (who uses it)
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

inline constexpr std::size_t kept_orders_max = 8;
/// Of one account. What takes more than half of it is not kept: 1,000,000 messages in an order.
inline constexpr std::size_t kept_orders_octets_max = 8 << 20;

class KeptOrders {
 public:
  /// An order is UIDs as SORT tells them; threads are the UIDs that were asked about, ascending,
  /// and THREAD's answer.
  struct Kept {
    std::vector<store::Uid> uids;
    std::string threads;
    std::size_t octets() const { return uids.size() * sizeof(store::Uid) + threads.size(); }
  };

  /// What was kept for a mailbox of this name and UIDVALIDITY under `what`; null if nothing is.
  std::shared_ptr<const Kept> find(const store::Mailbox& mailbox, std::string_view what);
  /// Takes the place of what was kept; what was asked for least recently makes room.
  void keep(const store::Mailbox& mailbox, std::string_view what, std::shared_ptr<const Kept> kept);

 private:
  struct Entry {
    std::string mailbox;
    std::uint32_t uid_validity = 0;
    std::string what;
    std::shared_ptr<const Kept> kept;
  };
  std::list<Entry>::iterator entry_of(const store::Mailbox& mailbox, std::string_view what);

  std::list<Entry> entries_;  // the last used first
};

}  // namespace pennypost::imap
