#include "imapd/session/kept_orders.h"

#include <algorithm>

namespace pennypost::imap {

std::list<KeptOrders::Entry>::iterator KeptOrders::entry_of(const store::Mailbox& mailbox,
                                                            std::string_view what) {
  return std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.what == what && entry.uid_validity == mailbox.uid_validity() &&
           entry.mailbox == mailbox.name().text();
  });
}

std::shared_ptr<const KeptOrders::Kept> KeptOrders::find(const store::Mailbox& mailbox,
                                                         std::string_view what) {
  auto found = entry_of(mailbox, what);
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().kept;
}

void KeptOrders::keep(const store::Mailbox& mailbox, std::string_view what,
                      std::shared_ptr<const Kept> kept) {
  auto found = entry_of(mailbox, what);
  if (found != entries_.end()) entries_.erase(found);
  if (kept->octets() > kept_orders_octets_max / 2) return;
  entries_.push_front(
      {mailbox.name().text(), mailbox.uid_validity(), std::string(what), std::move(kept)});
  auto octets = [&] {
    std::size_t sum = 0;
    for (const auto& entry : entries_) sum += entry.kept->octets();
    return sum;
  };
  while (entries_.size() > kept_orders_max || octets() > kept_orders_octets_max) {
    entries_.pop_back();
  }
}

}  // namespace pennypost::imap
