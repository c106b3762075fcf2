#include "store/stores/stores.h"

#include <utility>

#include "store/maildir/resync.h"
#include "store/maildir/store.h"
#include "store/mbox/store.h"

namespace pennypost::store {

std::unique_ptr<MailStore> open_store(MailLocation location, StoreSettings settings) {
  if (location.format == MailLocation::Format::Maildir) {
    return std::make_unique<MaildirStore>(std::move(location), std::move(settings));
  }
  return std::make_unique<MboxStore>(std::move(location), std::move(settings));
}

Result<Resync> resync_mailbox(const MailLocation& location, const StoreSettings& settings,
                              const MailboxName& name) {
  if (location.format == MailLocation::Format::Maildir) {
    TRY(auto done, resync_folder(MaildirLayout(location, settings), name));
    return Resync{done.messages, done.added, done.dropped};
  }
  auto mail = open_store(location, settings);
  TRY(auto before, mail->status(name));
  TRY(auto opened, mail->open(name, Access::ReadWrite));
  return Resync{opened->messages().size(), opened->uid_next().value() - before.uid_next.value(), 0};
}

}  // namespace pennypost::store
