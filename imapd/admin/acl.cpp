// Shows and changes who may do what with a user's mailboxes: `pennypost acl …`.
#include <algorithm>
#include <memory>

#include "common/base/text.h"
#include "imapd/admin/actions.h"
#include "store/sharing/shared_store.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::imap {
namespace {

using store::Acl;
using store::AclChange;
using store::AclFile;
using Form = AdminOutput::Form;

Error wrong_arguments(std::string text) { return Error(501, std::move(text)); }

Error not_shared() {
  return Error(550, ResponseCode::Cannot,
               "only own users with a Maildir share mailboxes, and only where "
               "namespace_shared_prefix is not empty");
}

std::shared_ptr<store::OtherUsers> other_users(const AdminAccount& on) {
  return std::make_shared<store::OtherUsers>(on.call.config, [](store::StoreSettings&) {});
}

/// The account's mail as its sessions see it, with what others share.
Result<std::unique_ptr<store::SharedStore>> shared_view(const AdminAccount& on) {
  const auto& config = *on.call.config;
  TRY(auto location,
      store::MailLocation::parse(on.account.mail_location, {on.account.name, on.account.home}));
  auto own = store::open_store(std::move(location), store::store_settings(config, on.account));
  return std::make_unique<store::SharedStore>(
      std::move(own), store::namespace_settings(config, on.account), other_users(on));
}

class AclAction : public AdminAction {
 public:
  Result<void> run(AdminAccount& on) final {
    if (!store::OtherUsers::may_share(*on.call.config, on.account)) {
      return on.call.is_for_all ? Result<void>() : not_shared();
    }
    // Nothing on disk, nothing to share.
    if (!on.has_mail && on.call.is_for_all) return {};
    return work(on);
  }

 protected:
  virtual Result<void> work(AdminAccount& on) = 0;
};

std::string names_of(const Acl::Grant& grant, std::string_view sign) {
  std::string out;
  auto add = [&](std::string_view name) {
    if (!out.empty()) out += ' ';
    out.append(sign).append(name);
  };
  for (auto name : grant.rights.names()) add(name);
  for (const auto& name : grant.named) add(":" + name);
  return out;
}

void show_entry(AdminAccount& on, const std::string* mailbox, const Acl::Entry& entry) {
  auto row = on.row_begin();
  if (mailbox != nullptr) row.emplace_back("mailbox", *mailbox);
  row.emplace_back("id", entry.who.text());
  std::string rights = entry.granted ? names_of(*entry.granted, "") : "";
  if (entry.denied) {
    if (!rights.empty()) rights += ' ';
    rights += names_of(*entry.denied, "-");
  }
  row.emplace_back("rights", std::move(rights));
  on.out.row(Form::Line, row);
}

class ShowAcl final : public AclAction {
 public:
  explicit ShowAcl(const AdminCall& call) : mailbox_(call.words[0]) {}

 private:
  Result<void> work(AdminAccount& on) override {
    TRY(auto name, on.mailbox_name(mailbox_));
    TRY(auto file, AclFile::of(on.store, name));
    TRY(auto acl, file.read());
    for (const auto& entry : acl.entries()) show_entry(on, nullptr, entry);
    return {};
  }
  std::string mailbox_;
};

/// The lists of all mailboxes that have one.
class ListAcls final : public AclAction {
  Result<void> work(AdminAccount& on) override {
    TRY(auto folders, on.store.list());
    for (const auto& folder : folders) {
      if (!folder.exists) continue;
      TRY(auto file, AclFile::of(on.store, folder.name));
      TRY(auto acl, file.read());
      for (const auto& entry : acl.entries()) show_entry(on, &folder.name.text(), entry);
    }
    return {};
  }
};

/// What the account itself may do, also with a mailbox of another user.
class ShowRights final : public AclAction {
 public:
  explicit ShowRights(const AdminCall& call) : mailbox_(call.words[0]) {}

 private:
  Result<void> work(AdminAccount& on) override {
    TRY(auto view, shared_view(on));
    TRY(auto name, view->parse_own_name(mailbox_));
    TRY(auto rights, view->my_rights(name));
    auto row = on.row_begin();
    row.emplace_back("rights", names_of({rights, {}}, ""));
    on.out.row(Form::Line, row);
    return {};
  }
  std::string mailbox_;
};

class ChangeAcl final : public AclAction {
 public:
  ChangeAcl(std::string mailbox, std::vector<AclChange> changes)
      : mailbox_(std::move(mailbox)), changes_(std::move(changes)) {}

 private:
  Result<void> work(AdminAccount& on) override {
    TRY(auto name, on.mailbox_name(mailbox_));
    TRY(auto file, AclFile::of(on.store, name));
    TRY_DO(file.change([&](Acl& acl) -> Result<void> {
      for (const auto& change : changes_) {
        TRY_DO(acl.change(change, on.account.name));
      }
      return {};
    }));
    return other_users(on)->shares().recount(on.account.name, on.store);
  }

  std::string mailbox_;
  std::vector<AclChange> changes_;
};

class RecountShares final : public AclAction {
  Result<void> work(AdminAccount& on) override {
    return other_users(on)->shares().recount(on.account.name, on.store);
  }
};

/// A change each for what is granted and what, by names with a minus, is taken away.
MadeAction change(const AdminCall& call, AclChange::Mode mode) {
  if (call.words.size() < 3) return wrong_arguments("a mailbox, an ID and rights are needed");
  AclChange granted;
  granted.mode = mode;
  TRY(granted.who, store::Identifier::parse(call.words[1]));
  auto denied = granted;
  denied.denies = true;
  for (std::size_t i = 2; i < call.words.size(); ++i) {
    std::string_view name(call.words[i]);
    bool denies = name.starts_with('-');
    if (denies) name.remove_prefix(1);
    TRY(auto rights, store::Rights::parse_name(name));
    auto& changed = denies ? denied.rights : granted.rights;
    changed = changed | rights;
  }
  std::vector<AclChange> changes;
  bool replaces = mode == AclChange::Mode::Replace;
  for (const auto& one : {granted, denied}) {
    if (replaces || !one.rights.empty()) changes.push_back(one);
  }
  return MadeAction(std::make_unique<ChangeAcl>(call.words[0], std::move(changes)));
}

template <class Action>
MadeAction with_mailbox(const AdminCall& call) {
  if (call.words.size() != 1) return wrong_arguments("the name of one mailbox is needed");
  return MadeAction(std::make_unique<Action>(call));
}

template <class Action>
MadeAction without_words(const AdminCall& call) {
  if (!call.words.empty()) return wrong_arguments("nothing follows the accounts");
  return MadeAction(std::make_unique<Action>());
}

}  // namespace

MadeAction add_rights(const AdminCall& call) { return change(call, AclChange::Mode::Add); }
MadeAction remove_rights(const AdminCall& call) { return change(call, AclChange::Mode::Remove); }
MadeAction replace_rights(const AdminCall& call) { return change(call, AclChange::Mode::Replace); }

MadeAction delete_acl_entry(const AdminCall& call) {
  if (call.words.size() != 2) return wrong_arguments("a mailbox and an ID are needed");
  AclChange granted;
  granted.removes = true;
  TRY(granted.who, store::Identifier::parse(call.words[1]));
  auto denied = granted;
  denied.denies = true;
  std::vector<AclChange> changes{granted, denied};
  return MadeAction(std::make_unique<ChangeAcl>(call.words[0], std::move(changes)));
}

MadeAction show_acl(const AdminCall& call) { return with_mailbox<ShowAcl>(call); }
MadeAction show_rights(const AdminCall& call) { return with_mailbox<ShowRights>(call); }
MadeAction list_acls(const AdminCall& call) { return without_words<ListAcls>(call); }
MadeAction recount_shares(const AdminCall& call) { return without_words<RecountShares>(call); }

}  // namespace pennypost::imap
