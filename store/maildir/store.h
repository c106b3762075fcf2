// Stores an account's mail in a Maildir of either layout: folders, deliveries, appends and quota.
//
// SEE ALSO   ../mailbox/mailbox.h (the contract), layout.h (paths), folder.h (one folder), draft.h
//            (writing)
#pragma once

#include <set>

#include "store/mailbox/folder_store.h"
#include "store/maildir/layout.h"

namespace pennypost::store {

class MaildirStore final : public FolderStore<MaildirLayout> {
 public:
  MaildirStore(MailLocation location, StoreSettings settings)
      : FolderStore(std::move(location), std::move(settings), "subscriptions") {}

  Result<void> create(const MailboxName& name) override;
  Result<void> create_parent(const MailboxName& name) override;
  Result<void> remove(const MailboxName& name) override;
  Result<Appended> append(const MailboxName& name, std::span<const NewMessage> messages) override;
  Result<void> check_room(std::uint64_t bytes, std::uint64_t messages) override {
    return layout().quota().check("INBOX", bytes, messages);
  }
  Result<Usage> usage() override { return layout().quota().usage(); }
  Result<Usage> recount() override { return layout().quota().recount(); }
  bool counts_for_quota(const MailboxName& name) const override {
    return !layout().quota().ignores(name.text());
  }
  Result<std::optional<Usage>> quota() override { return layout().quota().usage_if_limited(); }
  Result<AnnotationFile> annotations(const std::optional<MailboxName>& name) override;
  Result<std::vector<std::string>> watch_paths() override;
  Result<std::string> directory_of(const MailboxName& name) override;
  bool keeps_ids() const override { return true; }

 private:
  Result<void> check_name(const MailboxName& name) const override { return layout().check(name); }
  Result<FolderKinds> names() const override;
  Result<void> prepare() const override;
  std::unique_ptr<Mailbox> folder(const MailboxName& name, Access access) const override;
  Result<void> move_folders(const std::vector<std::pair<MailboxName, MailboxName>>& moves) override;
  Result<void> check_new(const MailboxName& name) const;
  Result<void> remove_messages(const std::string& directory) const;
  Result<void> remove_lists(const MailboxName& name) const;
  void remove_empty_above(const MailboxName& name) const;
  void hide_childless(FolderKinds& names) const;
  Result<void> move_directory(const std::string& from, const std::string& to) const;
  void forget(const std::string& directory) const;
  Result<void> place(const Delivery& delivery, const MailboxName& name,
                     const Placement& placement) override;
  bool finds_repeats() const override { return true; }
  std::string_view format_name() const override { return "maildir"; }
  Result<bool> is_there(const std::string& directory, const std::string& unique) const;
};

}  // namespace pennypost::store
