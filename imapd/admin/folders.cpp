// Lists and changes an account's folders: `pennypost mailbox …`.
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "imapd/admin/actions.h"
#include "imapd/admin/name_filter.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::imap {
namespace {

using Names = std::vector<std::string>;
using Form = AdminOutput::Form;

Error wrong_arguments(std::string text) { return Error(501, std::move(text)); }

class ListFolders final : public AdminAction {
 public:
  explicit ListFolders(const AdminCall& call) : patterns_(call.words), subscribed_(call.has('s')) {}

  Result<void> run(AdminAccount& on) override {
    NameFilter filter(patterns_, on.store.separator());
    if (subscribed_) return list_subscriptions(on, filter);
    TRY(auto folders, on.store.list());
    for (const auto& folder : folders) {
      if (!folder.exists || !filter.has(folder.name.text())) continue;
      auto row = on.row_begin();
      row.emplace_back("mailbox", folder.name.text());
      row.push_back(OutputCell("selectable", folder.selectable).json_only());
      row.push_back(OutputCell("subscribed", folder.subscribed).json_only());
      std::string use(store::special_use_text(folder.special_use));
      row.push_back(OutputCell("special_use", std::move(use)).json_only());
      on.out.row(Form::Line, row);
    }
    return {};
  }

 private:
  static Result<void> list_subscriptions(AdminAccount& on, const NameFilter& filter) {
    TRY(auto names, on.store.subscriptions());
    for (const auto& name : names) {
      if (!filter.has(name.text())) continue;
      auto row = on.row_begin();
      row.emplace_back("mailbox", name.text());
      on.out.row(Form::Line, row);
    }
    return {};
  }

  Names patterns_;
  bool subscribed_;
};

// Status

struct StatusField {
  std::string_view name;
  std::uint64_t (*of)(const store::Status& status);  // null: the folder's id
  bool is_summed = true;
};
constexpr std::array status_fields{
    StatusField{"messages", [](const store::Status& s) -> std::uint64_t { return s.messages; }},
    StatusField{"recent", [](const store::Status& s) -> std::uint64_t { return s.recent; }},
    StatusField{"uidnext",
                [](const store::Status& s) -> std::uint64_t { return s.uid_next.value(); }, false},
    StatusField{"uidvalidity",
                [](const store::Status& s) -> std::uint64_t { return s.uid_validity; }, false},
    StatusField{"unseen", [](const store::Status& s) -> std::uint64_t { return s.unseen; }},
    StatusField{"deleted", [](const store::Status& s) -> std::uint64_t { return s.deleted; }},
    StatusField{"vsize",
                [](const store::Status& s) -> std::uint64_t { return s.size.value_or(0); }},
    StatusField{"guid", nullptr, false},
};

class ShowStatus final : public AdminAction {
 public:
  static MadeAction make(const AdminCall& call) {
    if (call.words.size() < 2) return wrong_arguments("fields and a folder's name are needed");
    auto action = std::make_unique<ShowStatus>();
    for (auto name : words(call.words.front())) {
      if (name == "all") {
        for (const auto& field : status_fields) action->fields_.push_back(&field);
        continue;
      }
      auto field = std::ranges::find(status_fields, name, &StatusField::name);
      if (field == status_fields.end()) {
        return wrong_arguments("there is no field " + printable(name, 40) +
                               "; the fields are all, messages, recent, uidnext, uidvalidity, "
                               "unseen, deleted, vsize, guid");
      }
      action->fields_.push_back(&*field);
    }
    action->patterns_.assign(call.words.begin() + 1, call.words.end());
    action->is_total_ = call.has('t');
    return MadeAction(std::move(action));
  }

  Result<void> run(AdminAccount& on) override {
    NameFilter filter(patterns_, on.store.separator());
    bool with_size = std::ranges::any_of(
        fields_, [](const StatusField* field) { return field->name == "vsize"; });
    std::vector<std::uint64_t> sums(fields_.size());
    bool has_any = false;
    TRY(auto folders, on.store.list());
    for (const auto& folder : folders) {
      if (!folder.exists || !folder.selectable || !filter.has(folder.name.text())) continue;
      if (!on.has_mail) continue;
      auto status = on.store.status(folder.name, with_size);
      if (!status && status.error().response_code() == ResponseCode::NonExistent) continue;
      if (!status) return std::move(status).error();
      has_any = true;
      if (is_total_) {
        for (std::size_t i = 0; i < fields_.size(); ++i) {
          if (fields_[i]->is_summed) sums[i] += fields_[i]->of(*status);
        }
      } else {
        show(on, folder.name, *status);
      }
    }
    if (is_total_) show_sums(on, sums);
    if (has_any || is_total_ || !on.has_mail) return {};
    return Error(550, ResponseCode::NonExistent, "there is no such folder");
  }

 private:
  void show(AdminAccount& on, const store::MailboxName& name, const store::Status& status) const {
    auto row = on.row_begin();
    row.emplace_back("mailbox", name.text());
    for (const auto* field : fields_) {
      if (field->of == nullptr) {
        row.emplace_back(field->name, status.id);
      } else {
        row.emplace_back(field->name, field->of(status));
      }
    }
    on.out.row(Form::Flow, row);
  }
  void show_sums(AdminAccount& on, const std::vector<std::uint64_t>& sums) const {
    auto row = on.row_begin();
    row.emplace_back("mailbox", std::string("total"));
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i]->is_summed) row.emplace_back(fields_[i]->name, sums[i]);
    }
    on.out.row(Form::Flow, row);
  }

  std::vector<const StatusField*> fields_;
  Names patterns_;
  bool is_total_ = false;
};

// Changes

/// Names of folders, one after another. All are parsed before the first is changed.
class ChangeFolders : public AdminAction {
 public:
  Result<void> run(AdminAccount& on) final {
    std::vector<store::MailboxName> names;
    for (const auto& word : words_) {
      TRY(auto name, on.mailbox_name(without_separator(on, word)));
      names.push_back(std::move(name));
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto done = change(on, names[i], words_[i]);
      if (done) continue;
      return Error(done.error().code(), done.error().response_code(),
                   names[i].text() + ": " + done.error().text());
    }
    return {};
  }

 protected:
  explicit ChangeFolders(const AdminCall& call) : words_(call.words) {}
  virtual Result<void> change(AdminAccount& on, const store::MailboxName& name,
                              const std::string& word) = 0;
  /// RFC 9051 section 6.3.4: a separator at the end says that folders will be below.
  static bool ends_with_separator(const AdminAccount& on, const std::string& word) {
    return word.size() > 1 && word.back() == on.store.separator();
  }

 private:
  static std::string without_separator(const AdminAccount& on, const std::string& word) {
    return ends_with_separator(on, word) ? word.substr(0, word.size() - 1) : word;
  }
  Names words_;
};

class CreateFolders final : public ChangeFolders {
 public:
  explicit CreateFolders(const AdminCall& call) : ChangeFolders(call), subscribes_(call.has('s')) {}

 private:
  Result<void> change(AdminAccount& on, const store::MailboxName& name,
                      const std::string& word) override {
    if (ends_with_separator(on, word)) {
      TRY_DO(on.store.create_parent(name));
    } else {
      TRY_DO(on.store.create(name));
    }
    return subscribes_ ? on.store.subscribe(name) : Result<void>();
  }
  bool subscribes_;
};

class DeleteFolders final : public ChangeFolders {
 public:
  explicit DeleteFolders(const AdminCall& call)
      : ChangeFolders(call),
        only_empty_(call.has('e')),
        with_children_(call.has('r')),
        unsubscribes_(call.has('s')) {}

 private:
  Result<void> change(AdminAccount& on, const store::MailboxName& name,
                      const std::string&) override {
    std::vector<store::MailboxName> doomed;
    if (with_children_) {
      TRY(auto folders, on.store.list());
      const std::string prefix = name.text() + on.store.separator();
      for (const auto& folder : folders) {
        if (folder.exists && folder.name.text().starts_with(prefix)) doomed.push_back(folder.name);
      }
      // A folder goes after those below it.
      std::ranges::sort(doomed, std::ranges::greater());
    }
    doomed.push_back(name);
    for (const auto& one : doomed) {
      TRY_DO(remove(on, one));
    }
    return {};
  }

  Result<void> remove(AdminAccount& on, const store::MailboxName& name) const {
    if (only_empty_) {
      TRY(auto status, on.store.status(name));
      if (status.messages > 0) {
        return Error(550, ResponseCode::Cannot,
                     "it holds " + std::to_string(status.messages) + " messages");
      }
    }
    TRY_DO(on.store.remove(name));
    return unsubscribes_ ? on.store.unsubscribe(name) : Result<void>();
  }

  bool only_empty_;
  bool with_children_;
  bool unsubscribes_;
};

class SubscribeFolders final : public ChangeFolders {
 public:
  SubscribeFolders(const AdminCall& call, bool subscribes)
      : ChangeFolders(call), subscribes_(subscribes) {}

 private:
  Result<void> change(AdminAccount& on, const store::MailboxName& name,
                      const std::string&) override {
    return subscribes_ ? on.store.subscribe(name) : on.store.unsubscribe(name);
  }
  bool subscribes_;
};

class RenameFolder final : public AdminAction {
 public:
  explicit RenameFolder(const AdminCall& call)
      : from_(call.words[0]), to_(call.words[1]), moves_subscription_(call.has('s')) {}

  Result<void> run(AdminAccount& on) override {
    TRY(auto from, on.mailbox_name(from_));
    TRY(auto to, on.mailbox_name(to_));
    TRY_DO(on.store.rename(from, to));
    if (!moves_subscription_) return {};
    TRY_DO(on.store.unsubscribe(from));
    return on.store.subscribe(to);
  }

 private:
  std::string from_;
  std::string to_;
  bool moves_subscription_;
};

/// `force-resync`
class ResyncFolders final : public AdminAction {
 public:
  explicit ResyncFolders(const AdminCall& call) : patterns_(call.words) {}

  Result<void> run(AdminAccount& on) override {
    if (!on.has_mail) return {};
    TRY(auto location,
        store::MailLocation::parse(on.account.mail_location, {on.account.name, on.account.home}));
    auto settings = store::store_settings(*on.call.config, on.account);
    NameFilter filter(patterns_, on.store.separator());
    bool has_any = false;
    TRY(auto folders, on.store.list());
    for (const auto& folder : folders) {
      if (!folder.exists || !folder.selectable || !filter.has(folder.name.text())) continue;
      auto done = store::resync_mailbox(location, settings, folder.name);
      if (!done && done.error().response_code() == ResponseCode::NonExistent) continue;
      if (!done) {
        return Error(done.error().code(), folder.name.text() + ": " + done.error().text());
      }
      has_any = true;
      auto row = on.row_begin();
      row.emplace_back("mailbox", folder.name.text());
      row.emplace_back("messages", done->messages);
      row.emplace_back("added", done->added);
      row.emplace_back("dropped", done->dropped);
      on.out.row(Form::Flow, row);
    }
    if (!has_any) return Error(550, ResponseCode::NonExistent, "there is no such folder");
    TRY_DO(on.store.recount());
    return {};
  }

 private:
  Names patterns_;
};

Error needs_name() { return wrong_arguments("a folder's name is needed"); }

}  // namespace

MadeAction list_folders(const AdminCall& call) {
  return MadeAction(std::make_unique<ListFolders>(call));
}

MadeAction resync_folders(const AdminCall& call) {
  return MadeAction(std::make_unique<ResyncFolders>(call));
}

MadeAction show_status(const AdminCall& call) { return ShowStatus::make(call); }

MadeAction create_folders(const AdminCall& call) {
  if (call.words.empty()) return needs_name();
  return MadeAction(std::make_unique<CreateFolders>(call));
}

MadeAction delete_folders(const AdminCall& call) {
  if (call.words.empty()) return needs_name();
  return MadeAction(std::make_unique<DeleteFolders>(call));
}

MadeAction rename_folder(const AdminCall& call) {
  if (call.words.size() != 2) return wrong_arguments("the old and the new name are needed");
  return MadeAction(std::make_unique<RenameFolder>(call));
}

MadeAction subscribe_folders(const AdminCall& call) {
  if (call.words.empty()) return needs_name();
  return MadeAction(std::make_unique<SubscribeFolders>(call, true));
}

MadeAction unsubscribe_folders(const AdminCall& call) {
  if (call.words.empty()) return needs_name();
  return MadeAction(std::make_unique<SubscribeFolders>(call, false));
}

}  // namespace pennypost::imap
