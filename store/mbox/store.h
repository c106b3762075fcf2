// Stores an account's mail in mbox files: folders, deliveries, appends and usage.
//
// SEE ALSO   ../mailbox/mailbox.h (the contract), layout.h (paths), folder.h (one folder)
#pragma once

#include "store/mailbox/folder_store.h"
#include "store/mbox/layout.h"

namespace pennypost::store {

class MboxStore final : public FolderStore<MboxLayout> {
 public:
  MboxStore(MailLocation location, StoreSettings settings)
      : FolderStore(std::move(location), without_namespace(std::move(settings)), ".subscriptions") {
  }

  Result<void> create(const MailboxName& name) override;
  Result<void> create_parent(const MailboxName& name) override;
  Result<void> remove(const MailboxName& name) override;
  Result<Appended> append(const MailboxName& name, std::span<const NewMessage> messages) override;
  Result<void> check_room(std::uint64_t, std::uint64_t) override { return {}; }
  Result<Usage> usage() override;
  Result<AnnotationFile> annotations(const std::optional<MailboxName>& name) override;
  Result<std::vector<std::string>> watch_paths() override;

 private:
  /// Names are the same outside and on disk.
  static StoreSettings without_namespace(StoreSettings settings) {
    settings.namespace_prefix.clear();
    settings.separator = '\0';
    return settings;
  }
  Result<FolderKinds> names() const override;
  Result<void> prepare() const override;
  std::unique_ptr<Mailbox> folder(const MailboxName& name, Access access) const override;
  Result<void> move_folders(const std::vector<std::pair<MailboxName, MailboxName>>& moves) override;
  Result<void> check_name(const MailboxName& name) const override { return layout().check(name); }
  Result<void> check_new(const MailboxName& name) const;
  Result<void> list_below(const std::string& directory, const std::string& prefix,
                          std::size_t depth, FolderKinds& names) const;
  Result<void> remove_directory(const MailboxName& name) const;
  Result<void> move_folder(const MailboxName& name, const MailboxName& target) const;
  Result<void> place(const Delivery& delivery, const MailboxName& name,
                     const Placement& placement) override;
  bool finds_repeats() const override { return false; }
  std::string_view format_name() const override { return "mailbox"; }
  Result<void> write_at_end(int descriptor, const std::string& path, const Delivery& delivery,
                            const Placement& placement) const;
};

}  // namespace pennypost::store
