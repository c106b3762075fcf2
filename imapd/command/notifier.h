// Watches what a client has asked for with NOTIFY, and tells it of each change as it happens, also
// while no command is going on.
//
// Of the selected mailbox it tells what any command would; of others a STATUS. Mailboxes are
// watched through the process's ChangeHub: a change wakes the notifier, which takes its turn on the
// session, looks, and compares with what the client knows. What another program has locked is
// looked at again soon. What the client itself has done it is not told; of messages that it has put
// into the selected mailbox it is told their number alone.
//
// STANDARDS  RFC 5465
// LIMITS     imap_notify_mailboxes_max mailboxes, news_max news not told yet; beyond them the
//            client is told NOTIFICATIONOVERFLOW
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "imapd/command/annotation_watch.h"
#include "imapd/command/folder_changes.h"
#include "imapd/command/mailbox_choice.h"
#include "imapd/grammar/notify.h"
#include "imapd/session/account_news.h"
#include "imapd/session/announcer.h"
#include "imapd/session/change_hub.h"

namespace pennypost::imap {

class Notifier final : public Announcer, private AccountListener {
 public:
  static constexpr std::size_t news_max = 1000;

  /// `context` outlives it.
  Notifier(SessionContext& context, NotifyRequest request);
  ~Notifier() override;

  /// Looks at all mailboxes that are asked for, and gives the STATUS lines if the client wants
  /// them, and a LIST line with \NoAccess of each that it may not read. Error Limit if they are too
  /// many.
  Task<Result<std::string>> prepare();
  /// Tells from now on.
  void start();

  SelectedWishes wishes() const override;
  Task<> tell_selected(bool with_expunges) override;
  void mailbox_changed() override;
  void note_own(const store::MailboxName& name, std::span<const store::Uid> uids) override;
  void note_annotated(const std::optional<store::MailboxName>& name,
                      const store::AnnotationChanges& changes) override;
  std::string leave(const Selected&, std::span<const store::Uid>) override { return ""; }
  Task<> follow(SessionContext& context, const ToldMessages& told) override;

 private:
  struct Group {
    NotifyGroup events;
    MailboxChoice choice;
  };
  // A mailbox whose messages are asked for, and what the client knows of it; nothing: as much as it
  // will have when it is looked at next.
  struct Watched {
    bool wants_flags = false;
    std::optional<store::Status> known;
    bool has_changed = false;
    bool is_locked = false;   // when it was looked at last
    bool is_refused = false;  // likewise: the client may list it, but not read it
    // Messages that the client itself has put there since then.
    std::uint32_t own = 0;
    std::unique_ptr<ChangeHub::Subscription> subscription;
  };

  // A rename that another session has begun.
  struct Rename {
    AccountNews news;
    bool is_over = false;
    // It has been told, or was over before the names were read last.
    bool may_go = false;
  };

  void hear(const AccountNews& news) override;
  Task<> run();
  Task<> changed();
  bool has_work() const;
  bool is_behind() const;
  void look_again_at_locked();
  Task<> tell_all();
  Task<Result<void>> read_states(FolderStates& states);
  Task<> tell_folders();
  void tell_renames(const FolderStates& now);
  void tell_changes(const FolderStates& now);
  Task<> tell_metadata();
  Task<> tell_mailboxes();
  Task<> tell_mailbox(const store::MailboxName& name, Watched& watched);
  std::string line(const store::MailboxName& name, const store::Status& status,
                   bool with_modseq) const;
  Task<Result<void>> watch_mailboxes();
  Task<> watch_one(const store::MailboxName& name, Watched& watched);
  void watch_selected();
  bool is_selected(const store::MailboxName& name) const;
  bool is_subscribed(const store::MailboxName& name) const;
  template <class Wants>
  std::set<store::MailboxName> wanted_mailboxes(bool FolderState::*has, Wants wants) const;
  template <class Wants>
  bool is_wanted(const store::MailboxName& name, Wants wants) const;
  void give_up();

  SessionContext& context_;
  std::vector<Group> groups_;
  // Of the selected mailbox.
  std::optional<NotifyGroup> selected_;
  bool with_status_;
  Event wake_;
  FolderStates states_;
  bool list_has_changed_ = false;
  bool list_is_locked_ = false;
  std::unique_ptr<ChangeHub::Subscription> list_watch_;
  bool selected_has_changed_ = false;
  bool is_reselected_ = false;
  std::unique_ptr<ChangeHub::Subscription> selected_watch_;
  std::map<store::MailboxName, Watched> watched_;
  std::vector<Rename> renames_;
  AnnotationWatch annotations_;
  bool has_overflown_ = false;
  // Names that the client itself has changed.
  std::set<std::string> own_names_;
  // Messages that it has put into the selected mailbox, until they are told.
  std::set<store::Uid> own_messages_;
  Nursery work_;
};

}  // namespace pennypost::imap
