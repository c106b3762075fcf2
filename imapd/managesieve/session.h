// Holds ManageSieve's dialogue after login, over the scripts of one account.
//
// All that the store does runs off the event loop. A script is compiled before it is stored or made
// active: a user can have no active script that delivery would refuse.
//
// LIMITS     managesieve_max_line_length, sieve_max_script_size, sieve_quota_max_scripts,
//            sieve_quota_max_storage, imap_idle_timeout
// STANDARDS  RFC 5804 sections 2.3 to 2.14
// SEE ALSO   login_session.h (the time before), store/sieve/script_store.h (the scripts)
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/net/trace.h"
#include "imapd/managesieve/dialogue.h"
#include "store/sieve/script_store.h"

namespace pennypost::imap::managesieve {

/// Who has logged in, and how.
struct LoggedIn {
  std::string user;
  std::string session_id;
  std::string client;     // the IP address
  std::string sasl_data;  // base64, to be told with the success of AUTHENTICATE; empty: nothing
};

class Session {
 public:
  /// `traces` may be null: nobody ever watches.
  Session(Connection& connection, std::shared_ptr<const Config> config, TraceDesk* traces,
          LoggedIn who, store::sieve::ScriptStore scripts);

  /// From the answer to AUTHENTICATE until the connection ends, or is_logged_out(), which is
  /// logged; throws nothing.
  Task<> serve();
  /// The client has said UNAUTHENTICATE, and has our answer: another session may begin.
  bool is_logged_out() const { return is_logged_out_; }
  /// Ends the dialogue: at once while it waits for a command, else after the command.
  void stop();

 private:
  friend struct SessionCommands;
  Task<Reply> capability(const Command& command);
  Task<Reply> checkscript(const Command& command);
  Task<Reply> deletescript(const Command& command);
  Task<Reply> getscript(const Command& command);
  Task<Reply> havespace(const Command& command);
  Task<Reply> listscripts(const Command& command);
  Task<Reply> logout(const Command& command);
  Task<Reply> noop(const Command& command);
  Task<Reply> putscript(const Command& command);
  Task<Reply> renamescript(const Command& command);
  Task<Reply> setactive(const Command& command);
  Task<Reply> unauthenticate(const Command& command);

  Task<> converse();
  Task<> dispatch();
  void show(std::string_view line);
  void refuse(const Error& error);
  const Settings& settings() const { return config_->at(Service::Sieve); }

  Connection& connection_;
  std::shared_ptr<const Config> config_;
  Dialogue dialogue_;
  SessionTrace trace_;
  LoggedIn who_;
  store::sieve::ScriptStore scripts_;
  bool is_stopping_ = false;
  bool is_waiting_ = false;
  bool wants_logout_ = false;
  bool is_logged_out_ = false;
};

}  // namespace pennypost::imap::managesieve
