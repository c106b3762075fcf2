// A connection whose client is logged in in; the TRANSACTION and UPDATE states of POP3 out.
//
// The maildrop is frozen at login. DELE marks; QUIT alone removes: a connection that ends otherwise
// changes nothing.
//
// STANDARDS  RFC 1939 sections 5 to 7, RFC 2449
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/net/connection.h"
#include "popd/maildrop.h"

namespace pennypost::pop {

class Session {
 public:
  /// What a session counts for its closing log line, as Dovecot's pop3_logout_format.
  struct Counts {
    std::size_t top = 0;
    std::size_t retrieved = 0;
    std::uint64_t retrieved_bytes = 0;
    std::size_t deleted = 0;
    std::size_t messages = 0;
    std::uint64_t size = 0;
  };

  /// `user` is for the log.
  Session(Connection& connection, std::shared_ptr<const Config> config, Service service,
          Maildrop& maildrop, std::string user);

  /// Until QUIT; Disconnected passes through. True after a QUIT whose update succeeded.
  Task<> serve();
  /// Ends the dialogue: at once while it waits for a command, else after the one it is at.
  void stop();
  const Counts& counts() const { return counts_; }

 private:
  friend struct SessionCommands;
  using Entry = Maildrop::Entry;
  Task<> capa(std::string_view args);
  Task<> dele(std::string_view args);
  Task<> list(std::string_view args);
  Task<> noop(std::string_view args);
  Task<> quit(std::string_view args);
  Task<> retr(std::string_view args);
  Task<> rset(std::string_view args);
  Task<> stat(std::string_view args);
  Task<> top(std::string_view args);
  Task<> uidl(std::string_view args);

  Task<> dispatch(std::string_view line);
  Task<> send_message(Entry& entry, std::optional<std::uint64_t> body_lines);
  /// The message of that number; null, with the reply sent, where there is none.
  Entry* numbered(std::string_view text);
  void ok(std::string_view text);
  void err(std::string_view text);
  void refuse(const Error& error, std::string_view told);

  Connection& connection_;
  std::shared_ptr<const Config> config_;
  const Settings& settings_;
  Maildrop& maildrop_;
  std::string user_;
  UniqueIdFormat unique_ids_;
  Counts counts_;
  int bad_commands_ = 0;
  bool quitting_ = false;
  bool stopping_ = false;
  bool is_waiting_ = false;
};

}  // namespace pennypost::pop
