#include "store/stores/stores.h"

#include <utility>

#include "store/maildir/store.h"
#include "store/mbox/store.h"

namespace pennypost::store {

std::unique_ptr<MailStore> open_store(MailLocation location, StoreSettings settings) {
  if (location.format == MailLocation::Format::Maildir) {
    return std::make_unique<MaildirStore>(std::move(location), std::move(settings));
  }
  return std::make_unique<MboxStore>(std::move(location), std::move(settings));
}

}  // namespace pennypost::store
