// Implements the part of MailStore that Maildir and mbox have in common.
//
// A format knows which folders exist, and how to open, make, move and remove one. The tree that
// LIST shows, subscriptions, and the rules of RENAME and STATUS are the same for all.
//
// STANDARDS  RFC 9051 sections 6.3.5 to 6.3.9
// SEE ALSO   mailbox.h (the contract), folders.h (the tree), ../maildir/store.h, ../mbox/store.h
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/mailbox/folders.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// Errors AlreadyExists and NonExistent, and Cannot for deleting INBOX.
Error already_exists(const MailboxName& name);
Error no_such_mailbox(const MailboxName& name);
Error cannot_delete_inbox();
/// Error Limit: there are as many folders as the settings allow.
Error too_many_folders(std::size_t folders);
/// Error Cannot: for a name below a mailbox that can hold only messages, and for one that can hold
/// none.
Error no_inferiors(const MailboxName& name);
Error not_selectable(const MailboxName& name);

/// `Layout` has the format's paths and settings, which open folders share.
template <class Layout>
class FolderStore : public MailStore {
 public:
  FolderStore(MailLocation location, StoreSettings settings, std::string_view subscriptions)
      : layout_(std::make_shared<Layout>(std::move(location), std::move(settings))),
        separator_(layout_->settings().separator == '\0' ? layout_->separator_on_disk()
                                                         : layout_->settings().separator),
        subscribed_(layout_->lists() + "/" + std::string(subscriptions), separator_,
                    layout_->settings().brief_lock_ms) {}

  const StoreSettings& settings() const final { return layout_->settings(); }
  std::chrono::milliseconds lock_timeout() const final { return layout_->lock_timeout(); }
  char separator() const final { return separator_; }
  Result<std::vector<Folder>> list() final;
  Result<std::vector<MailboxName>> subscriptions() final;
  bool was_ever_subscribed() const final { return subscribed_.has_file(); }
  Result<void> subscribe(const MailboxName& name) final;
  Result<void> unsubscribe(const MailboxName& name) final;
  Result<void> rename(const MailboxName& from, const MailboxName& to) final;
  Result<Status> status(const MailboxName& name, bool with_size) final;
  Result<std::unique_ptr<Mailbox>> open(const MailboxName& name, Access access) final;

 protected:
  const Layout& layout() const { return *layout_; }
  const std::shared_ptr<const Layout>& shared_layout() const { return layout_; }

  /// INBOX, and all folders whose names are allowed for this account.
  virtual Result<FolderKinds> names() const = 0;
  /// Makes the directories for files that are kept beside the folders.
  virtual Result<void> prepare() const = 0;
  /// An existing folder, not synced yet.
  virtual std::unique_ptr<Mailbox> folder(const MailboxName& name, Access access) const = 0;
  /// Renames folders. The new names are free, with nothing below them; parents come first.
  virtual Result<void> move_folders(
      const std::vector<std::pair<MailboxName, MailboxName>>& moves) = 0;

 private:
  Result<void> empty_inbox_into(const MailboxName& target);
  Result<void> copy_annotations(const MailboxName& from, const MailboxName& to);

  /// The name as the file of subscriptions has it.
  Result<MailboxName> subscribed_name(const MailboxName& name) const;

  std::shared_ptr<const Layout> layout_;
  char separator_;
  Subscriptions subscribed_;
};

template <class Layout>
Result<std::vector<Folder>> FolderStore<Layout>::list() {
  TRY(auto existing, names());
  TRY(auto subscribed, subscriptions());
  return folder_tree(std::move(existing), separator_, subscribed, settings());
}

// The file of subscriptions has names without the prefix, as Dovecot's.
template <class Layout>
Result<std::vector<MailboxName>> FolderStore<Layout>::subscriptions() {
  TRY(auto names, subscribed_.read());
  if (settings().namespace_prefix.empty()) return names;
  std::vector<MailboxName> outside;
  for (const auto& name : names) {
    if (auto found = layout_->names().with_prefix(name.text())) {
      outside.push_back(*std::move(found));
    }
  }
  return outside;
}

template <class Layout>
Result<MailboxName> FolderStore<Layout>::subscribed_name(const MailboxName& name) const {
  return MailboxName::parse(layout_->names().without_prefix(name), separator_, SIZE_MAX, SIZE_MAX);
}

template <class Layout>
Result<void> FolderStore<Layout>::unsubscribe(const MailboxName& name) {
  TRY(auto written, subscribed_name(name));
  return subscribed_.remove(written);
}

template <class Layout>
Result<void> FolderStore<Layout>::subscribe(const MailboxName& name) {
  TRY_DO(prepare());
  TRY(auto written, subscribed_name(name));
  return subscribed_.add(written);
}

template <class Layout>
Result<void> FolderStore<Layout>::rename(const MailboxName& from, const MailboxName& to) {
  TRY(auto existing, names());
  if (existing.contains(to)) return already_exists(to);
  if (from.is_inbox()) return empty_inbox_into(to);
  if (is_below(to, from, separator_)) {
    return Error(550, ResponseCode::Cannot, "A mailbox can't be renamed to one below itself");
  }
  for (const auto& above : names_above(to, separator_)) {
    auto found = existing.find(above);
    if (found != existing.end() && found->second == FolderKind::Leaf) return no_inferiors(above);
  }
  std::vector<std::pair<MailboxName, MailboxName>> moves;
  for (const auto& [name, kind] : existing) {
    if (name != from && !is_below(name, from, separator_)) continue;
    TRY(auto target, parse_name(renamed(name, from, to)));
    if (existing.contains(target)) return already_exists(target);
    moves.emplace_back(name, target);
  }
  if (moves.empty()) return no_such_mailbox(from);
  return move_folders(moves);
}

template <class Layout>
Result<void> FolderStore<Layout>::empty_inbox_into(const MailboxName& target) {
  TRY(auto inbox, open(MailboxName::inbox(), Access::ReadWrite));
  std::vector<Uid> uids;
  for (const auto& message : inbox->messages()) uids.push_back(message.uid);
  TRY_DO(create(target));
  auto moved = inbox->move(uids, target);
  if (moved) return copy_annotations(MailboxName::inbox(), target);
  // All or nothing, as far as possible; the client may try again.
  (void)remove(target);
  return std::move(moved).error();
}

// RFC 5464 section 4.1: INBOX keeps its annotations, and the new mailbox has them as well.
template <class Layout>
Result<void> FolderStore<Layout>::copy_annotations(const MailboxName& from, const MailboxName& to) {
  TRY(auto source, annotations(from));
  TRY(auto kept, source.read());
  if (kept.empty()) return {};
  AnnotationChanges changes;
  for (auto& [name, value] : kept) changes[name] = std::move(value);
  TRY(auto target, annotations(to));
  TRY_DO(target.change(changes, changes.size()));
  return {};
}

template <class Layout>
Result<Status> FolderStore<Layout>::status(const MailboxName& name, bool with_size) {
  TRY_DO(layout_->require(name));
  auto opened = folder(name, Access::ReadOnly);
  TRY(auto changes, opened->sync());
  TRY(auto status, count_status(*opened, with_size));
  status.is_waiting = changes.waiting;
  return status;
}

template <class Layout>
Result<std::unique_ptr<Mailbox>> FolderStore<Layout>::open(const MailboxName& name, Access access) {
  TRY_DO(layout_->require(name));
  auto opened = folder(name, access);
  TRY_DO(opened->sync());
  return opened;
}

}  // namespace pennypost::store
