// Takes in mail from elsewhere: `pennypost import SOURCE FOLDER QUERY`.
//
// Flags, keywords and dates come along. Messages are stored in portions, each durable before the
// next; what was stored before an error stays.
#include <algorithm>

#include "imapd/admin/actions.h"
#include "imapd/admin/find.h"
#include "imapd/admin/foreign_mail.h"
#include "imapd/admin/message_text.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t portion_messages = 64;
constexpr std::uint64_t portion_octets = 16 << 20;

/// Messages to be appended together.
class Portion {
 public:
  Portion(store::MailStore& store, const store::MailboxName& target)
      : store_(store), target_(target) {}

  Result<void> add(store::Mailbox& from, const store::Message& message) {
    store::NewMessage made;
    TRY(auto text, whole_message(from, message.uid));
    TRY(made.internal_date, from.internal_date(message.uid));
    made.flags = message.flags;
    made.keywords = from.keyword_names(message.keywords);
    octets_ += text.size();
    texts_.push_back(std::move(text));
    messages_.push_back(std::move(made));
    bool is_full = messages_.size() == portion_messages || octets_ >= portion_octets;
    return is_full ? store() : Result<void>();
  }
  Result<void> store() {
    if (messages_.empty()) return {};
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      messages_[i].body = {std::string_view(texts_[i])};
    }
    TRY_DO(store_.append(target_, messages_));
    messages_.clear();
    texts_.clear();
    octets_ = 0;
    return {};
  }

 private:
  store::MailStore& store_;
  const store::MailboxName& target_;
  std::vector<std::string> texts_;
  std::vector<store::NewMessage> messages_;
  std::uint64_t octets_ = 0;
};

class ImportMail final : public AdminAction {
 public:
  static MadeAction make(const AdminCall& call) {
    if (call.words.size() < 3) {
      return Error(501, "a source, a folder (\"\" for those of the source) and a query are needed");
    }
    auto action = std::make_unique<ImportMail>();
    action->location_ = call.words[0];
    action->parent_ = call.words[1];
    action->subscribes_ = call.has('s');
    TRY(action->query_, MailQuery::parse(std::span(call.words).subspan(2),
                                         Clock::system().now_seconds(), call.limits));
    return MadeAction(std::move(action));
  }

  Result<void> begin(const store::AccountRef&) override {
    TRY(auto opened, ForeignMail::open(location_));
    source_.emplace(std::move(opened));
    return {};
  }

  Result<void> run(AdminAccount& on) override {
    TRY(auto folders, source_->folders());
    for (const auto& folder : folders) {
      TRY(auto request,
          query_.request_for(folder.text(), "", source_->separator(), on.call.limits));
      if (!may_match(request.key)) continue;
      TRY(auto mailbox, source_->folder(folder));
      Selected selected(std::move(mailbox));
      TRY(auto uids, search_folder(on, selected, request));
      if (uids.empty()) continue;
      TRY(auto target, target_of(on, folder));
      TRY_DO(make_folder(on, target));
      FoundMessages found{selected, target, std::move(uids)};
      TRY_DO(take_in(on, found));
    }
    return {};
  }

 private:
  /// The folder itself, or below the one named; a single file's messages go into that.
  Result<store::MailboxName> target_of(const AdminAccount& on,
                                       const store::MailboxName& folder) const {
    auto name = folder.text();
    std::ranges::replace(name, source_->separator(), on.store.separator());
    if (!parent_.empty()) {
      name = source_->is_one_folder() ? parent_ : parent_ + on.store.separator() + name;
    }
    return on.mailbox_name(name);
  }

  Result<void> make_folder(AdminAccount& on, const store::MailboxName& name) const {
    auto made = name.is_inbox() ? Result<void>() : on.store.create(name);
    if (!made && made.error().response_code() != ResponseCode::AlreadyExists) return made;
    // INBOX is made when it is opened.
    if (name.is_inbox()) {
      TRY_DO(on.store.open(name, store::Access::ReadOnly));
    }
    return subscribes_ ? on.store.subscribe(name) : Result<void>();
  }

  static Result<void> take_in(AdminAccount& on, const FoundMessages& found) {
    AdminProgress progress(on.account.name + ": " + found.name.text(), found.uids.size());
    Portion portion(on.store, found.name);
    for (auto uid : found.uids) {
      TRY_DO(portion.add(found.mailbox(), *found.mailbox().find(uid)));
      progress.add(1);
    }
    TRY_DO(portion.store());
    auto row = on.row_begin();
    row.emplace_back("mailbox", found.name.text());
    row.emplace_back("messages", std::uint64_t{found.uids.size()});
    on.out.row(AdminOutput::Form::Flow, row);
    return {};
  }

  std::string location_;
  std::string parent_;
  bool subscribes_ = false;
  MailQuery query_;
  std::optional<ForeignMail> source_;
};

}  // namespace

MadeAction import_mail(const AdminCall& call) { return ImportMail::make(call); }

}  // namespace pennypost::imap
