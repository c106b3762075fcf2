// Holds one client's dialogue after login: reads commands, has the table's handlers do them, and
// answers.
//
// One command at a time is read whole, looked up and handled. News of the selected mailbox is told
// before the tagged line, as far as the command's row allows. All that blocks or takes long runs on
// the account's threads, in steps. Between commands a session holds no buffers; in IDLE it has a
// watch on the mailbox and a timer besides.
//
// STANDARDS  RFC 3501, RFC 9051 (as far as it agrees)
// SEE ALSO   ../command/table.h (every command), ../session/context.h (what they work on),
//            login_session.h (the time before)
#pragma once

#include <memory>

#include "imapd/grammar/requests.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

class Session {
 public:
  Session(std::shared_ptr<const WorkerContext> worker, Connection& connection, LoggedIn who,
          std::shared_ptr<Account> account, std::unique_ptr<store::MailStore> store)
      : context_(std::move(worker), connection, std::move(who), std::move(account),
                 std::move(store)) {}

  /// From the answer to the login until the client is gone, or is_logged_out(); never throws
  /// Disconnected.
  Task<> serve();
  /// The client has said UNAUTHENTICATE, and has our answer: another session may begin.
  bool is_logged_out() const { return context_.is_logged_out() && !is_lost_; }
  /// Ends the session with BYE: at once while it is between commands or in IDLE, else after the
  /// command.
  void stop();

 private:
  Task<> converse();
  Task<> prepare_account();
  Task<> dispatch();
  Task<Reply> handle(const CommandHead& command);
  void answer(const Reply& reply, std::string_view tag);
  void say_bye(std::string_view text);

  SessionContext context_;
  bool is_stopping_ = false;
  bool is_lost_ = false;  // the connection
};

}  // namespace pennypost::imap
