// What the commands of a logged-in client work on: the conversation, the account with its store,
// and the mailbox that is selected.
//
// The handlers of ../command take a SessionContext each. It gives them a thread for what blocks,
// and tells the client what has changed in the selected mailbox.
//
// SEE ALSO   conversation.h (reading and answering), selected.h (the client's view of its mailbox),
//            ../dialogue/session.h (who calls the handlers)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "common/net/trace.h"
#include "imapd/response/strings.h"
#include "imapd/session/account.h"
#include "imapd/session/announcer.h"
#include "imapd/session/change_hub.h"
#include "imapd/session/conversation.h"
#include "imapd/session/selected.h"
#include "imapd/session/turns.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/lock_wait.h"
#include "store/mailbox/mail_events.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class QuotaDesk;

/// What all sessions of a worker share; outlives them.
struct WorkerContext {
  const Clock& clock;
  ChangeHub& changes;
  Limits limits;
  /// The settings of imap or imaps.
  std::shared_ptr<const Config> config;
  Service service = Service::Imap;
  TraceDesk* traces = nullptr;  // null: no dialogue is ever watched
  /// How often a long command says how far it is; Dovecot's interval.
  Duration sign_interval{10'000};
  QuotaDesk* quotas = nullptr;  // null: nobody may set quotas

  const Settings& settings() const { return config->at(service); }
};

/// The limits of commands as the settings have them.
Limits limits_of(const Settings& settings);

/// Who has logged in, and how.
struct LoggedIn {
  std::string user;
  std::string session_id;
  /// Of LOGIN or AUTHENTICATE, which is still to be answered.
  std::string tag;
  /// The client's IP address.
  std::string client = {};
  /// The user's imap_capability: names that are not announced, by commas.
  std::string hidden_capabilities = {};
  /// For whom scripts are run, with the account's rights. Shared with what works for the account.
  std::shared_ptr<const store::AccountRef> account = {};
};

class SessionContext final : public Conversation {
 public:
  SessionContext(std::shared_ptr<const WorkerContext> worker, Connection& connection, LoggedIn who,
                 std::shared_ptr<Account> account, std::unique_ptr<store::MailStore> store);

  std::optional<std::string> login_capabilities() const override { return std::nullopt; }
  std::string store_capabilities() const override;
  bool offers_acl() const override;
  bool sets_quota() const override { return who_.account->is_admin && worker_->quotas != nullptr; }
  std::string_view hidden_capabilities() const override { return who_.hidden_capabilities; }

  const WorkerContext& worker() const { return *worker_; }
  const LoggedIn& who() const { return who_; }
  Account& account() const { return *account_; }
  store::MailStore& store() const { return *store_; }
  /// What of this session is logged (mail_log_events).
  const store::MailEvents& events() const { return events_; }
  /// The mailbox of a name as the client writes it, in name_form(). Error 550 for what can be no
  /// mailbox's name.
  Result<store::MailboxName> mailbox_name(std::string_view wire) const;
  /// The same for a name that is given to a mailbox, which must be Net-Unicode: without control
  /// characters, and from a client that writes UTF-8 in normal form (RFC 9051 section 5.1, RFC 6855
  /// section 3). It is not made so, since all commands would have to know it by both names.
  Result<store::MailboxName> new_mailbox_name(std::string_view wire) const;

  /// Null while no mailbox is selected; never null in a handler that is allowed only In::Selected.
  Selected* selected() const { return selected_.get(); }
  void select(std::unique_ptr<Selected> selected);
  void unselect() { select(nullptr); }
  bool may_change() const { return selected_ && !selected_->is_read_only(); }

  /// What the client has enabled, for all mailboxes that it selects (RFC 7162).
  Reporting reporting() const { return reporting_; }
  /// Enables it; a client with a mailbox selected is told its HIGHESTMODSEQ the first time.
  void enable_condstore();
  void enable_qresync();
  void enable_rev2();
  void enable_utf8() { has_utf8_ = true; }
  void enable_uid_only();
  bool is_rev2() const { return reporting_.rev2; }
  /// UTF8=ACCEPT itself; IMAP4rev2 has names in UTF-8 without it.
  bool has_utf8() const { return has_utf8_; }
  NameForm name_form() const { return has_utf8_ || is_rev2() ? NameForm::Utf8 : NameForm::Utf7; }
  /// The response code with which a removal is answered (RFC 7162 section 3.2.7): of the selected
  /// mailbox, with a space behind it; nothing if QRESYNC is not enabled, or the mailbox stays
  /// locked.
  Task<std::string> highest_modseq_code();

  // Work that blocks goes to a thread of the account.
  //
  /// For work of some milliseconds, and for work that may take longer.
  FairThreads::Lane light_lane() const { return account_->threads.lane(FairThreads::Work::Light); }
  FairThreads::Lane heavy_lane(FairThreads::Place place = FairThreads::Place::Last) const {
    return account_->threads.lane(FairThreads::Work::Heavy, place);
  }
  /// The one for work on so many messages.
  FairThreads::Lane lane_for(std::size_t messages) const {
    return messages <= few_messages ? light_lane() : heavy_lane();
  }
  /// Runs `function`, which gives a Result, on a thread; as long as another program has the mailbox
  /// locked it is tried again.
  template <class Function>
  auto retry_while_locked(FairThreads::Lane lane, Function function) {
    return store::retry_while_locked(loop(), lane, store_->lock_timeout(), std::move(function));
  }
  template <class Function>
  auto retry_while_locked(Function function) {
    return retry_while_locked(light_lane(), std::move(function));
  }

  /// COMPRESS: the stream changes once its answer has been sent.
  bool is_compressed() const { return compression_ != Compression::None; }
  void compress_after_answer() { compression_ = Compression::Asked; }
  /// The answer to a command is put: changes the stream if that was asked for.
  Task<> begin_compression();

  /// UNAUTHENTICATE: ends this session, but not the connection.
  void log_out();
  bool is_logged_out() const { return is_logged_out_; }
  /// The answer to it is sent: the connection is as it was at the login.
  void end_compression();

  // News of the selected mailbox: updates.cpp.
  //
  enum class Wait { No, Yes };
  /// Notes what is new in the selected mailbox. With Wait::No what another program's lock keeps
  /// back is left for the next time, and is_behind() says so.
  Task<Result<void>> sync(Wait wait);
  /// There may be news that the last sync() could not get at.
  bool is_behind() const { return is_behind_; }
  /// Reads what is new in the selected mailbox, and tells as much as may be told. Ends the
  /// conversation if the mailbox has gone.
  Task<> tell_news(bool with_expunges, bool with_uid);
  /// Tells what is noted already.
  Task<> tell_selected(bool with_expunges, bool with_uid);

  // What is told while no command is going on.
  //
  /// Who tells it (NOTIFY); null: nobody.
  Announcer* announcer() const { return announcer_.get(); }
  void set_announcer(std::unique_ptr<Announcer> announcer) { announcer_ = std::move(announcer); }
  /// The command that is going on has put these messages into a mailbox.
  void note_own(const store::MailboxName& name, std::span<const store::Uid> uids) const {
    if (announcer_) announcer_->note_own(name, uids);
  }
  /// It has changed annotations of the mailbox; without a name, of the account.
  void note_annotated(const std::optional<store::MailboxName>& name,
                      const store::AnnotationChanges& changes) const {
    if (announcer_) announcer_->note_annotated(name, changes);
  }
  /// Waits until nobody else works on the session: a command that is going on, IDLE where it tells
  /// something, or the announcer.
  Task<> take_turn() { return turns_.take(); }
  void give_turn() { turns_.give(); }
  bool is_turn_taken() const { return turns_.is_taken(); }
  /// Other sessions of the account hear what this one has done to a mailbox.
  void tell_account(const store::MailboxName& name, std::string_view old_name = {}) const;

  // Long commands look now and then for their client.
  //
  /// A command begins; its tag is told with its progress.
  void start_clock(std::string_view tag);
  /// The command that is going on names messages by number, though its row does not say so: a UID
  /// SEARCH (RFC 7162 section 3.2.10.2). No expunge is told at its end.
  void keep_expunges_back() { keeps_expunges_back_ = true; }
  bool keeps_expunges_back() const { return keeps_expunges_back_; }
  /// Between two steps of a long command: throws Disconnected if the client is gone, which would
  /// else be found out only when the answer is sent.
  Task<> look_for_client();
  /// Every now and then a line `* OK [INPROGRESS ("tag" 5 9)] text`, in a command that has nothing
  /// else to say yet: how much is done of how much, where that is known (RFC 9585).
  Task<> give_sign_of_life(std::string_view text, std::optional<std::uint64_t> done = {},
                           std::optional<std::uint64_t> goal = {});
  Duration sign_interval() const { return worker_->sign_interval; }

  /// Whether an admin wants to watch dialogues; show() is to be called only then.
  bool is_trace_asked() const { return trace_.is_asked(); }
  /// Shows a command without its secrets; empty: nothing was said yet.
  void show(std::string_view line);

  /// Logs what a reply tells the client less about.
  void log_failure(const Reply& reply) const;

 private:
  // Work on so many is done at once where it is met.
  static constexpr std::size_t few_messages = 500;
  void read_ahead();

  std::shared_ptr<const WorkerContext> worker_;
  LoggedIn who_;
  std::shared_ptr<Account> account_;
  std::unique_ptr<store::MailStore> store_;
  store::MailEvents events_;
  SessionTrace trace_;
  std::unique_ptr<Selected> selected_;
  Reporting reporting_;
  bool has_utf8_ = false;
  enum class Compression { None, Asked, Active };
  Compression compression_ = Compression::None;
  bool is_logged_out_ = false;
  bool is_behind_ = false;
  bool keeps_expunges_back_ = false;
  // Of the command that is going on.
  std::string tag_;
  // When a long command looks for its client again, and when it says that it is still at work.
  SteadyTime next_look_;
  SteadyTime next_sign_;
  // The client says nothing any more, but may still read.
  bool has_ended_input_ = false;
  Turns turns_;
  // The first to go: it works on all of the above.
  std::unique_ptr<Announcer> announcer_;
};

}  // namespace pennypost::imap
