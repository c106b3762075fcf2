// A logged-in client's commands in, answers and mailbox news out: one IMAP session in a worker.
//
// The dialogue: one command at a time is read whole, looked up in the table, answered; news of the
// selected mailbox is told before the tagged line as far as the command's row allows. All that
// blocks or takes long runs on the account's threads, in steps. Between commands a session holds no
// buffers, in IDLE a watch and a timer besides.
//
// STANDARDS  RFC 3501, RFC 9051 (as far as it agrees), RFC 2177 (IDLE), RFC 2342 (NAMESPACE), RFC
// 2971 (ID),
//            RFC 3348 (CHILDREN), RFC 3691 (UNSELECT), RFC 4315 (UIDPLUS), RFC 4731 (ESEARCH), RFC
//            5161 (ENABLE), RFC 6154 (SPECIAL-USE), RFC 6851 (MOVE), RFC 7888 (LITERAL+)
// SEE ALSO   ../command/table.h (every command), login_session.h (the time before)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/session/error_limits.h"
#include "imapd/command/lister.h"
#include "imapd/grammar/append.h"
#include "imapd/grammar/assembler.h"
#include "imapd/grammar/fetch.h"
#include "imapd/grammar/requests.h"
#include "imapd/response/reply.h"
#include "imapd/session/account.h"
#include "imapd/session/change_hub.h"
#include "imapd/session/selected.h"
#include "store/mailbox/mailbox.h"
#include "store/mailbox/patience.h"

namespace pennypost::imap {

/// What all sessions of a worker share; outlives them.
struct Surroundings {
  Loop& loop;
  const Clock& clock;
  ChangeHub& changes;
  Limits limits;
  /// The settings of imap or imaps.
  std::shared_ptr<const Config> config;
  Service service = Service::Imap;

  const Settings& settings() const { return config->at(service); }
};

/// Limits as the settings have them.
Limits limits_of(const Settings& settings);

/// Who has logged in, and how.
struct LoggedIn {
  std::string user;
  std::string session_id;
  /// Of LOGIN or AUTHENTICATE, which is still to be answered.
  std::string tag;
};

class Session {
 public:
  Session(std::shared_ptr<const Surroundings> surroundings, Connection& connection, LoggedIn who,
          std::shared_ptr<Account> account, std::unique_ptr<store::MailStore> store);
  ~Session();

  /// From the answer to the login until the client is gone; never throws Disconnected.
  Task<> serve();
  /// Ends the session with BYE: at once while it is between commands or in IDLE, else after the
  /// command.
  void stop();

  // The handlers of ../command/table.h, one file a family.
  Task<Reply> append(const CommandHead& command);
  Task<Reply> capability(const CommandHead& command);
  Task<Reply> check(const CommandHead& command);
  Task<Reply> close(const CommandHead& command);
  Task<Reply> copy(const CommandHead& command);
  Task<Reply> create(const CommandHead& command);
  Task<Reply> enable(const CommandHead& command);
  Task<Reply> expunge(const CommandHead& command);
  Task<Reply> fetch(const CommandHead& command);
  Task<Reply> id(const CommandHead& command);
  Task<Reply> idle(const CommandHead& command);
  Task<Reply> list(const CommandHead& command);
  Task<Reply> logout(const CommandHead& command);
  Task<Reply> lsub(const CommandHead& command);
  Task<Reply> move(const CommandHead& command);
  Task<Reply> noop(const CommandHead& command);
  Task<Reply> remove(const CommandHead& command);
  Task<Reply> rename(const CommandHead& command);
  Task<Reply> search(const CommandHead& command);
  Task<Reply> select(const CommandHead& command);
  Task<Reply> show_namespaces(const CommandHead& command);
  Task<Reply> status(const CommandHead& command);
  Task<Reply> store(const CommandHead& command);
  Task<Reply> subscribe(const CommandHead& command);
  Task<Reply> uid_expunge(const CommandHead& command);
  Task<Reply> unselect(const CommandHead& command);
  Task<Reply> unsubscribe(const CommandHead& command);

 private:
  class AppendBatch;
  // Work on so many is done at once where it is met.
  static constexpr std::size_t few_messages = 500;

  // The conversation: session.cpp.
  Task<> converse();
  Task<> prepare_account();
  Task<CommandAssembler::Event> next_event();
  Task<> dispatch();
  Task<Reply> handle(const CommandHead& command);
  Task<> tell_news(bool with_expunges, bool with_uid);
  Task<> tell_selected(bool with_expunges, bool with_uid);
  Task<> send_if_much();
  /// Between two steps of a long command: Disconnected if the client is gone, who would else be
  /// found out only when the answer is sent.
  Task<> look_for_client();
  void read_ahead();
  /// A line every now and then of a command that has nothing else to say yet.
  Task<> give_sign_of_life(std::string_view text);
  void answer(const Reply& reply, std::string_view tag);
  void log_failure(const Reply& reply);
  void put(std::string_view bytes);
  void log_end(std::string_view why);
  void abandon(std::string_view why, std::string_view reason = "Too many errors");
  void say_bye(std::string_view text);
  /// For work of some milliseconds, and for work that may take longer.
  FairThreads::Lane light_lane() { return account_->threads.lane(FairThreads::Work::Light); }
  FairThreads::Lane heavy_lane(FairThreads::Place place = FairThreads::Place::Last) {
    return account_->threads.lane(FairThreads::Work::Heavy, place);
  }
  /// The one for work on so many messages.
  FairThreads::Lane lane_for(std::size_t messages) {
    return messages <= few_messages ? light_lane() : heavy_lane();
  }
  /// Runs what blocks on a thread of the account; while another program has the mailbox locked it
  /// is tried again and again.
  template <class Function>
  auto patiently(FairThreads::Lane lane, Function function) {
    return store::patiently(loop_, lane, store_->lock_patience(), std::move(function));
  }
  template <class Function>
  auto patiently(Function function) {
    return patiently(light_lane(), std::move(function));
  }
  /// Sends an answer that may be long; others have their turn meanwhile.
  Task<> send(std::string_view text);

  // append.cpp: a command whose message literals come as events of their own.
  Task<> append_messages();
  Task<Result<void>> begin_message(AppendBatch& batch, std::string name, AppendMessage message);
  Task<Result<void>> announce(AppendBatch& batch, std::uint64_t octets);
  Task<> take_message(AppendBatch& batch, LiteralHeader literal);
  Task<Reply> store_messages(AppendBatch& batch);

  // Shared by the handlers.
  Result<store::MailboxName> mailbox_name(std::string_view wire) const;
  /// Errors: 501 for a flag that nobody may set, 550 for a keyword too long.
  Result<store::FlagChange> flag_change(const std::vector<std::string>& names,
                                        bool may_be_recent) const;
  enum class Wait { No, Yes };
  /// Notes what is new in the selected mailbox; with Wait::No what another program's lock keeps
  /// back is left for the next time, and is_behind_ says so.
  Task<Result<void>> sync(Wait wait);
  Task<Reply> expunge_messages(std::vector<store::Uid> uids, std::string_view done);
  Task<Reply> copy_messages(const CommandHead& command, bool and_remove);
  Task<Reply> fetch_numbers(const std::vector<NumberRange>& numbers, const FetchRequest& request,
                            bool with_uid);
  /// Error 501: one of them is not offered.
  static Result<void> check_status_items(const std::vector<StatusItem>& items);
  Task<Result<std::string>> report_status(const store::MailboxName& name,
                                          const std::vector<StatusItem>& items);
  Task<> tell_folders(const ListRequest& request, const std::vector<Lister::Answer>& answers);
  void close_if_gone(const store::MailboxName& name);
  Task<> push_news(Event& wake, bool& changed, bool& stopping);
  std::string capabilities() const;
  bool may_change() const { return selected_ && !selected_->is_read_only(); }

  std::shared_ptr<const Surroundings> surroundings_;
  Loop& loop_;
  Connection& connection_;
  LoggedIn who_;
  std::shared_ptr<Account> account_;
  std::unique_ptr<store::MailStore> store_;
  std::unique_ptr<Selected> selected_;
  CommandAssembler assembler_;
  ErrorCount errors_;
  bool ended_ = false;
  bool stopping_ = false;
  // Nothing of an answer is under way: BYE may be said.
  bool quiet_ = false;
  // There may be news that the last sync() could not get at.
  bool is_behind_ = false;
  // When a long command looks for its client again, and when it says that it is still at work.
  SteadyTime next_look_;
  SteadyTime next_sign_;
  // The client says nothing any more, but may still read.
  bool has_ended_input_ = false;
  std::string_view end_reason_ = "Connection closed";
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace pennypost::imap
