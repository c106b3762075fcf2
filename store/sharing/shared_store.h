// Shows an account its own mailboxes, those that other users share with it, and further names for
// its own, as one store.
//
//   INBOX, Sent                    its own, as MailStore names them
//   shared/ann@example.org/Lists   what ann@example.org shares: namespace_shared_prefix, the owner,
//                                  and the name there; where the separator is a dot, the owner's
//                                  dots are written as ^, as Cyrus does
//   mail/Sent                      the same as Sent, where namespace_aliases has mail/
//
// Every way to a mailbox passes through admit(), which compares what is to be done with what the
// mailbox's dovecot-acl lets the visitor do. So whatever a session does, by whichever command, the
// rights hold. They are read anew each time, and take effect at once; a mailbox that is selected is
// gone for its session at the next look (Mailbox::sync) after the right to read it was taken away.
//
// A mailbox of another user is opened like any other, by the reader's own worker, with that
// worker's index. The Maildir is the truth: UIDs and keywords are in dovecot-uidlist and
// dovecot-keywords, flags in the files' names, under locks between processes, and a change by
// another process is noticed as one by Dovecot would be. Mod-sequences are the reader's worker's
// own. All sessions of an account are in one worker, so each client sees one sequence, which never
// goes back. \Seen is common to all who read the mailbox, as with Dovecot's default.
//
// A mailbox that has no dovecot-acl, or none that names the visitor, does not exist for them. The
// owner's own mailboxes obey their dovecot-acl as well. What is created below a mailbox gets a copy
// of its list. Quota is the owner's, and so are annotations under /shared/; those under /private/
// are the visitor's own, in pennypost-account-meta.ID beside the visitor's mail.
//
// STANDARDS  RFC 4314, RFC 2342, RFC 5464 section 3.3
// LIMITS     ShareRegister::owners_max, watched_owners_max, id_octets_max
// SEE ALSO   rights.h (the table of deeds), guarded_mailbox.h (an open mailbox)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/mailbox/folders.h"
#include "store/mailbox/mailbox.h"
#include "store/sharing/acl_file.h"
#include "store/sharing/other_users.h"
#include "store/sharing/sharing.h"

namespace pennypost::store {

/// How the namespaces are called (the settings namespace_*), and for whom.
struct NamespaceSettings {
  std::string user;
  std::string realm;          ///< auth_realm: in it a user is known by the bare name as well
  std::string shared_prefix;  ///< without a separator; empty: none
  std::vector<std::string> aliases;
  bool are_aliases_hidden = true;
  bool are_aliases_listed = false;
  std::vector<std::string> groups = {};  ///< the user's field acl_groups
};

/// The settings for this account.
NamespaceSettings namespace_settings(const Config& config, const AccountRef& account);

class SharedStore final : public MailStore, public Sharing {
 public:
  static constexpr std::size_t watched_owners_max = 50;
  /// The longest id of another user's mailbox for which annotations are kept.
  static constexpr std::size_t id_octets_max = 64;

  /// `others` is null where nothing is shared; then there may be aliases all the same.
  SharedStore(std::unique_ptr<MailStore> own, NamespaceSettings names,
              std::shared_ptr<OtherUsers> others);

  /// A mailbox, found by its name.
  struct Place {
    MailStore* store = nullptr;
    std::shared_ptr<MailStore> opened;        ///< another user's store; null: our own
    MailboxName name = MailboxName::inbox();  ///< in that store
    MailboxName shown = MailboxName::inbox();
    std::string owner;
    Rights rights;  ///< once admit() has looked
    bool is_own() const { return !opened; }
    bool is_in_same_store(const Place& other) const {
      return is_own() ? other.is_own() : !other.is_own() && owner == other.owner;
    }
  };
  /// Finds the mailbox, and looks whether the deed is allowed there: refusal() if it is not, or
  /// there is no such mailbox of another user. A missing mailbox of our own is for the store to
  /// find.
  Result<Place> admit(const MailboxName& name, Deed deed);
  /// The same for a mailbox found before.
  Result<void> check(Place& place, Deed deed);

  const StoreSettings& settings() const override { return own_->settings(); }
  std::chrono::milliseconds lock_timeout() const override { return own_->lock_timeout(); }
  char separator() const override { return own_->separator(); }
  bool keeps_ids() const override { return own_->keeps_ids(); }
  Result<std::vector<Folder>> list() override;
  Result<std::vector<MailboxName>> subscriptions() override;
  bool was_ever_subscribed() const override { return own_->was_ever_subscribed(); }
  Result<void> subscribe(const MailboxName& name) override;
  Result<void> unsubscribe(const MailboxName& name) override;
  Result<void> create(const MailboxName& name) override;
  Result<void> create_parent(const MailboxName& name) override;
  Result<void> remove(const MailboxName& name) override;
  Result<void> rename(const MailboxName& from, const MailboxName& to) override;
  Result<Status> status(const MailboxName& name, bool with_size) override;
  Result<std::unique_ptr<Mailbox>> open(const MailboxName& name, Access access) override;
  Result<Appended> append(const MailboxName& name, std::span<const NewMessage> messages) override;
  Result<void> check_target(const MailboxName& name) override;
  Result<void> check_room(std::uint64_t bytes, std::uint64_t messages) override {
    return own_->check_room(bytes, messages);
  }
  Result<Usage> usage() override { return own_->usage(); }
  Result<std::optional<Usage>> quota() override { return own_->quota(); }
  Result<Usage> recount() override { return own_->recount(); }
  bool counts_for_quota(const MailboxName& name) const override;
  Result<AnnotationFile> annotations(const std::optional<MailboxName>& name) override;
  Result<std::vector<std::string>> watch_paths() override;
  Result<std::string> directory_of(const MailboxName& name) override;
  Sharing* sharing() override { return this; }

  bool offers_acl() const override { return others_ != nullptr; }
  std::vector<Namespace> namespaces() const override;
  bool is_personal(const MailboxName& name) const override;
  std::optional<std::string> owner_of(const MailboxName& name) const override;
  Result<Rights> my_rights(const MailboxName& name) override;
  Result<Acl> acl(const MailboxName& name) override;
  Result<void> change_acl(const MailboxName& name, const AclChange& change) override;
  bool is_owner(const MailboxName& name, const Identifier& who) override;
  Result<void> check_identifier(const MailboxName& name, const Identifier& who) override;

 private:
  Result<void> check_name(const MailboxName& name) const override;
  Result<void> place(const Delivery& delivery, const MailboxName& name,
                     const Placement& placement) override;
  bool finds_repeats() const override { return own_->finds_repeats(); }
  std::string_view format_name() const override { return own_->format_name(); }

  std::string shared_head() const;
  std::optional<std::string> alias_of(const MailboxName& name) const;
  bool is_shared_name(const MailboxName& name) const;
  MailboxName own_name(const MailboxName& name) const;
  std::string account_name(const std::string& user) const;
  std::string shown_owner(const std::string& owner) const;
  Result<Place> find(const MailboxName& name);
  Result<Rights> rights_at(const Place& place) const;
  /// As we come to mailboxes, ours or those of others.
  Visitor visitor(bool is_owner) const;
  Result<Place> admit_new(const MailboxName& name, std::optional<Acl>& inherited);
  Result<void> make(const MailboxName& name, bool is_parent);
  Result<void> check_all_below(const Place& place);
  Result<std::string> private_annotations_of(const Place& place);
  Result<void> list_own(std::vector<Folder>& out);
  Result<void> list_shared(std::vector<Folder>& out);
  Result<void> list_of(const std::string& owner, FolderKinds& kinds);
  void list_aliases(std::vector<Folder>& out) const;

  std::unique_ptr<MailStore> own_;
  NamespaceSettings names_;
  std::shared_ptr<OtherUsers> others_;
};

}  // namespace pennypost::store
