// Finds messages, and changes, removes, moves and copies those that a query finds.
#include <utility>

#include "common/base/text.h"
#include "imapd/admin/actions.h"
#include "imapd/admin/find.h"
#include "imapd/grammar/cursor.h"
#include "imapd/response/untagged.h"
#include "store/mailbox/keyword.h"

namespace pennypost::imap {
namespace {

// The messages of one step, which holds the folder's lock: others get their turn in between.
constexpr std::size_t step_messages = 500;

/// An action on the messages of a query.
class QueryAction : public AdminAction {
 protected:
  /// The query begins with that word of the call.
  Result<void> take_query(const AdminCall& call, std::size_t first_word) {
    std::span<const std::string> words = call.words;
    auto rest = words.subspan(std::min(first_word, words.size()));
    TRY(query_, MailQuery::parse(rest, Clock::system().now_seconds(), call.limits));
    return {};
  }
  const MailQuery& query() const { return query_; }

 private:
  MailQuery query_;
};

class SearchMessages final : public QueryAction {
 public:
  static MadeAction make(const AdminCall& call) {
    auto action = std::make_unique<SearchMessages>();
    TRY_DO(action->take_query(call, 0));
    return MadeAction(std::move(action));
  }

  Result<void> run(AdminAccount& on) override {
    if (!on.has_mail) return {};
    return find_messages_of(query(), on, on.store, store::Access::ReadOnly,
                            [&](FoundMessages& found) {
                              auto id = found.mailbox().id();
                              for (auto uid : found.uids) {
                                auto row = on.row_begin();
                                row.push_back(OutputCell("mailbox", found.name.text()));
                                // As doveadm, which names folders by their ids; an mbox has none.
                                row.back().is_only_json = !id.empty();
                                row.push_back(OutputCell("mailbox-guid", id));
                                row.back().is_only_json = id.empty();
                                row.emplace_back("uid", std::uint64_t{uid.value()});
                                on.out.row(AdminOutput::Form::Line, row);
                              }
                              return Result<void>();
                            });
  }
};

Result<store::FlagChange> flags_named(std::string_view text, store::FlagChange::Mode mode) {
  store::FlagChange change;
  change.mode = mode;
  for (auto name : words(text, " \t,")) {
    if (!name.starts_with('\\')) {
      if (!store::is_keyword(name)) {
        return Error(501, "\"" + printable(name, 100) + "\" can be no keyword");
      }
      change.keywords.emplace_back(name);
    } else if (auto flag = system_flag(canonical_flag(name))) {
      change.flags = change.flags | *flag;
    } else {
      return Error(501, "there is no flag " + printable(name, 40) +
                            "; the flags are \\Answered, \\Deleted, \\Draft, \\Flagged, \\Seen");
    }
  }
  bool is_empty = change.flags.empty() && change.keywords.empty();
  if (is_empty && mode != store::FlagChange::Mode::Replace) return Error(501, "no flag is named");
  return change;
}

class ChangeFlags final : public QueryAction {
 public:
  static MadeAction make(const AdminCall& call, store::FlagChange::Mode mode) {
    if (call.words.size() < 2) return Error(501, "flags and a query are needed");
    auto action = std::make_unique<ChangeFlags>();
    TRY(action->change_, flags_named(call.words.front(), mode));
    TRY_DO(action->take_query(call, 1));
    return MadeAction(std::move(action));
  }

  Result<void> run(AdminAccount& on) override {
    if (!on.has_mail) return {};
    return find_messages_of(
        query(), on, on.store, store::Access::ReadWrite, [&](FoundMessages& found) {
          return in_portions(on, found, step_messages,
                             [&](std::span<const store::Uid> uids) -> Result<void> {
                               TRY(auto stored, found.mailbox().store(uids, change_));
                               if (stored.failure) return *stored.failure;
                               return {};
                             });
        });
  }

 private:
  store::FlagChange change_;
};

class ExpungeFound final : public QueryAction {
 public:
  static MadeAction make(const AdminCall& call) {
    auto action = std::make_unique<ExpungeFound>();
    TRY_DO(action->take_query(call, 0));
    // As doveadm: a slip must not empty all folders.
    if (!action->query().names_mailbox()) {
      return Error(501, "the query must name a folder: mailbox NAME, or mailbox '*' for all");
    }
    action->deletes_empty_ = call.has('d');
    return MadeAction(std::move(action));
  }

  Result<void> run(AdminAccount& on) override {
    if (!on.has_mail) return {};
    std::vector<store::MailboxName> emptied;
    TRY_DO(find_messages_of(
        query(), on, on.store, store::Access::ReadWrite, [&](FoundMessages& found) -> Result<void> {
          TRY_DO(in_portions(on, found, step_messages,
                             [&](std::span<const store::Uid> uids) -> Result<void> {
                               return expunge(found.mailbox(), uids);
                             }));
          bool is_empty = found.mailbox().messages().empty();
          if (is_empty && !found.name.is_inbox()) emptied.push_back(found.name);
          return {};
        }));
    if (!deletes_empty_) return {};
    for (const auto& name : emptied) {
      // Mail may have come since.
      TRY(auto now, on.store.status(name));
      if (now.messages > 0) continue;
      TRY_DO(on.store.remove(name));
    }
    return {};
  }

 private:
  static Result<void> expunge(store::Mailbox& mailbox, std::span<const store::Uid> uids) {
    TRY(auto gone, mailbox.expunge(uids));
    if (gone.size() == uids.size()) return {};
    // Those left are gone already, or the second attempt says why they can't be removed.
    std::vector<store::Uid> left;
    for (auto uid : uids) {
      if (mailbox.find(uid) != nullptr) left.push_back(uid);
    }
    if (left.empty()) return {};
    TRY_DO(mailbox.expunge(left));
    return {};
  }
  bool deletes_empty_ = false;
};

/// Into another folder of the same account.
class Transfer final : public QueryAction {
 public:
  static MadeAction make(const AdminCall& call, bool keeps) {
    if (call.words.size() < 2) return Error(501, "a folder and a query are needed");
    auto action = std::make_unique<Transfer>();
    action->target_ = call.words.front();
    action->keeps_ = keeps;
    TRY_DO(action->take_query(call, 1));
    return MadeAction(std::move(action));
  }

  Result<void> run(AdminAccount& on) override {
    if (!on.has_mail) return {};
    TRY(auto target, on.mailbox_name(target_));
    TRY_DO(check_target(on, target));
    auto access = keeps_ ? store::Access::ReadOnly : store::Access::ReadWrite;
    return find_messages_of(query(), on, on.store, access, [&](FoundMessages& found) {
      // What is there already stays as it is.
      if (found.name == target) return Result<void>();
      return in_portions(on, found, step_messages, [&](std::span<const store::Uid> uids) {
        return transfer(found.mailbox(), uids, target);
      });
    });
  }

 private:
  static Result<void> check_target(AdminAccount& on, const store::MailboxName& target) {
    if (target.is_inbox()) return {};
    TRY(auto folders, on.store.list());
    for (const auto& folder : folders) {
      if (folder.name == target && folder.exists && folder.selectable) return {};
    }
    return Error(550, ResponseCode::NonExistent,
                 "there is no folder " + target.text() + "; pennypost mailbox create makes one");
  }

  Result<void> transfer(store::Mailbox& from, std::span<const store::Uid> uids,
                        const store::MailboxName& target) const {
    if (keeps_) {
      TRY_DO(from.copy(uids, target));
      return {};
    }
    TRY(auto moved, from.move(uids, target));
    if (moved.failure) return *moved.failure;
    return {};
  }

  std::string target_;
  bool keeps_ = false;
};

}  // namespace

MadeAction search_messages(const AdminCall& call) { return SearchMessages::make(call); }

MadeAction add_flags(const AdminCall& call) {
  return ChangeFlags::make(call, store::FlagChange::Mode::Add);
}
MadeAction remove_flags(const AdminCall& call) {
  return ChangeFlags::make(call, store::FlagChange::Mode::Remove);
}
MadeAction replace_flags(const AdminCall& call) {
  return ChangeFlags::make(call, store::FlagChange::Mode::Replace);
}

MadeAction expunge_found(const AdminCall& call) { return ExpungeFound::make(call); }

MadeAction move_found(const AdminCall& call) { return Transfer::make(call, false); }
MadeAction copy_found(const AdminCall& call) { return Transfer::make(call, true); }

}  // namespace pennypost::imap
