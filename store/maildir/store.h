// An account's Maildir++ in, its folders, deliveries and counts out.
//
// SEE ALSO   ../mailbox/mailbox.h (the contract), layout.h (paths), folder.h (one folder), draft.h
// (writing)
#pragma once

#include <memory>
#include <set>

#include "store/mailbox/folders.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/layout.h"

namespace pennypost::store {

class MaildirStore final : public MailStore {
 public:
  MaildirStore(MailLocation location, StoreSettings settings);

  const StoreSettings& settings() const override { return layout_->settings(); }
  char separator() const override { return '.'; }
  DeliveryOutcome deliver(const Delivery& delivery, DeliveryFilter& filter) override;
  Result<std::vector<Folder>> list() override;
  Result<std::vector<MailboxName>> subscriptions() override { return subscribed_.read(); }
  Result<void> subscribe(const MailboxName& name) override;
  Result<void> unsubscribe(const MailboxName& name) override { return subscribed_.remove(name); }
  Result<void> create(const MailboxName& name) override;
  Result<void> remove(const MailboxName& name) override;
  Result<void> rename(const MailboxName& from, const MailboxName& to) override;
  Result<Status> status(const MailboxName& name, bool with_size) override;
  Result<std::unique_ptr<Mailbox>> open(const MailboxName& name, Access access) override;
  Result<Appended> append(const MailboxName& name, std::span<const NewMessage> messages) override;
  Result<Usage> usage() override { return layout_->quota().usage(); }

 private:
  Result<std::set<MailboxName>> names() const;
  Result<void> place(const Delivery& delivery, const Placement& placement);
  Result<bool> is_there(const std::string& directory, const std::string& unique) const;
  Result<void> empty_inbox_into(const MailboxName& target);

  std::shared_ptr<const MaildirLayout> layout_;
  Subscriptions subscribed_;
};

}  // namespace pennypost::store
