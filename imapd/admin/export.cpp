// Writes messages to a file or directory: `pennypost export TARGET QUERY`.
#include <algorithm>
#include <iostream>

#include "imapd/admin/actions.h"
#include "imapd/admin/find.h"
#include "imapd/admin/mail_archive.h"
#include "imapd/admin/message_text.h"

namespace pennypost::imap {
namespace {

class ExportMail final : public AdminAction {
 public:
  static MadeAction make(const AdminCall& call) {
    if (call.words.size() < 2) return Error(501, "a target and a query are needed");
    auto action = std::make_unique<ExportMail>();
    action->target_ = call.words.front();
    action->hostname_ = call.config->myhostname;
    if (call.shows_user && action->target_.find("%u") == action->target_.npos) {
      return Error(501, "for several accounts the target must contain %u, the account's name");
    }
    TRY(action->query_, MailQuery::parse(std::span(call.words).subspan(1),
                                         Clock::system().now_seconds(), call.limits));
    return MadeAction(std::move(action));
  }

  Result<void> begin(const store::AccountRef& account) override {
    TRY(archive_, open_archive(target_, account, hostname_));
    return {};
  }

  Result<void> run(AdminAccount& on) override {
    if (on.has_mail) {
      TRY_DO(find_messages_of(query_, on, on.store, store::Access::ReadOnly,
                              [&](FoundMessages& found) { return write(on, found); }));
    }
    TRY(auto losses, archive_->finish());
    for (const auto& loss : losses) {
      std::cerr << "pennypost export: " << on.account.name << ": warning: " << loss << "\n";
    }
    return {};
  }

 private:
  Result<void> write(const AdminAccount& on, FoundMessages& found) {
    ArchivedMessage archived;
    archived.folder = folder_name(on, found.name);
    AdminProgress progress(on.account.name + ": " + found.name.text(), found.uids.size());
    for (auto uid : found.uids) {
      auto written = write_message(found.mailbox(), uid, archived);
      // Somebody has removed it since.
      if (!written && !store::is_expunged(written.error())) return written;
      progress.add(1);
    }
    return {};
  }

  Result<void> write_message(store::Mailbox& mailbox, store::Uid uid, ArchivedMessage& archived) {
    const auto* message = mailbox.find(uid);
    if (message == nullptr) return {};
    TRY(auto text, whole_message(mailbox, uid));
    TRY(archived.date, mailbox.internal_date(uid));
    auto stored = with_line_feeds(text);
    archived.text = stored;
    archived.octets = text.size();
    archived.flags = message->flags;
    archived.keywords = mailbox.keyword_names(message->keywords);
    return archive_->add(archived);
  }

  /// As in Maildir++, whatever the store's separator is: a dot within a level would be one more.
  static std::string folder_name(const AdminAccount& on, const store::MailboxName& name) {
    if (name.is_inbox()) return "";
    auto text = store::modified_utf7_encode(name.text()).value_or(name.text());
    if (on.store.separator() != '.') {
      std::ranges::replace(text, '.', '_');
      std::ranges::replace(text, on.store.separator(), '.');
    }
    return text;
  }

  std::string target_;
  std::string hostname_;
  MailQuery query_;
  std::unique_ptr<MailArchive> archive_;
};

}  // namespace

MadeAction export_mail(const AdminCall& call) { return ExportMail::make(call); }

}  // namespace pennypost::imap
