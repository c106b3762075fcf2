// Stores the messages of an APPEND and gives them UIDs.
//
// Each message is written and synced on its own, in parallel with those of other sessions; then
// they get names and UIDs together (arrivals.h).
//
// STANDARDS  RFC 9051 section 6.3.12, RFC 3502
#include <algorithm>

#include "store/mailbox/body.h"
#include "store/maildir/draft.h"
#include "store/maildir/filename.h"
#include "store/maildir/folder_cache.h"
#include "store/maildir/store.h"

namespace pennypost::store {

Result<Appended> MaildirStore::append(const MailboxName& name,
                                      std::span<const NewMessage> messages) {
  TRY_DO(layout().require(name));
  auto directory = layout().directory(name);
  // Waits before writing, so that messages are not written in vain while the lock can't be taken.
  TRY_DO(layout().uidlist(name).await_others());
  auto quota = layout().quota();
  std::uint64_t octets = 0;
  std::uint64_t replaced = 0;
  auto count = messages.size();
  for (const auto& message : messages) {
    octets += octets_of(message.body);
    replaced += message.replaced_bytes.value_or(0);
    if (message.replaced_bytes) --count;
  }
  TRY_DO(quota.foresee(name.text(), octets - std::min(octets, 2 * replaced), count));
  std::vector<Draft> drafts;
  drafts.reserve(messages.size());
  std::vector<Arrival> arrivals;
  std::uint64_t bytes = 0;
  for (const auto& message : messages) {
    TRY(auto draft, Draft::write(layout(), directory, "", message.body, message.internal_date));
    bytes += draft.stored_bytes();
    drafts.push_back(std::move(draft));
    auto unique = unique_filename(settings().clock->now().count(), settings().hostname);
    auto arrival = arrival_of(drafts.back(), drafts.back().base_name(unique));
    arrival.flags = message.flags;
    arrival.keywords = message.keywords;
    arrivals.push_back(std::move(arrival));
  }
  TRY_DO(quota.check(name.text(), bytes - std::min(bytes, replaced), count));
  TRY(auto added, shared_folder(shared_layout(), name)->arrivals().add(arrivals));
  Appended appended;
  appended.uid_validity = added.uid_validity;
  appended.uids = std::move(added.uids);
  quota.add(name.text(), static_cast<std::int64_t>(bytes),
            static_cast<std::int64_t>(messages.size()));
  return appended;
}

}  // namespace pennypost::store
