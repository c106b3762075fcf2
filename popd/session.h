// Holds POP3's dialogue after login: the TRANSACTION state, and the UPDATE that QUIT makes.
//
// The maildrop is frozen at login. DELE only marks, and QUIT alone removes: a connection that ends
// in any other way changes nothing.
//
// STANDARDS  RFC 1939 sections 5 to 7, RFC 2449 (CAPA), RFC 6856 (UTF8, LANG), RFC 1460 section 5
//            (LAST)
// SEE ALSO   maildrop.h (the messages), login.h (the time before)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/net/trace.h"
#include "popd/ascii_parts.h"
#include "popd/maildrop.h"
#include "popd/replies.h"

namespace pennypost::pop {

/// What is left of the dialogue before login, and who may watch the one after it.
struct Watched {
  TraceDesk* traces = nullptr;  // null: nobody ever does
  std::string client;
  bool has_utf8 = false;  // the client has said UTF8
};

class Session {
 public:
  /// What a session counts for its closing log line, as Dovecot's pop3_logout_format.
  struct Counts {
    std::size_t top = 0;
    std::uint64_t top_bytes = 0;
    std::size_t retrieved = 0;
    std::uint64_t retrieved_bytes = 0;
    std::size_t deleted = 0;
    std::size_t messages = 0;
    std::uint64_t size = 0;
  };

  /// `user` is for the log.
  Session(Connection& connection, std::shared_ptr<const Config> config, Service service,
          Maildrop& maildrop, std::string user, Watched watched = {});

  /// From the first command to QUIT; throws Disconnected.
  Task<> serve();
  /// Ends the dialogue: at once while it waits for a command, else after the command.
  void stop();
  const Counts& counts() const { return counts_; }

 private:
  friend struct SessionCommands;
  using Entry = Maildrop::Entry;
  Task<> capa(std::string_view args);
  Task<> dele(std::string_view args);
  Task<> lang(std::string_view args);
  Task<> last(std::string_view args);
  Task<> list(std::string_view args);
  Task<> noop(std::string_view args);
  Task<> quit(std::string_view args);
  Task<> retr(std::string_view args);
  Task<> rset(std::string_view args);
  Task<> stat(std::string_view args);
  Task<> top(std::string_view args);
  Task<> uidl(std::string_view args);

  Task<> dispatch(std::string_view line);
  void show(std::string_view line);
  Task<> send_message(Entry& entry, std::optional<std::uint64_t> body_lines);
  /// The same for a message that is in the system's memory: no other thread takes part. False: it
  /// is not, and nothing has been put.
  bool put_now(const Entry& entry, std::optional<std::uint64_t> body_lines);
  Task<> send_pieces(Entry& entry, std::optional<std::uint64_t> body_lines);
  /// The message with headers that a client may get that has not said UTF8.
  static std::string fit_for_client(std::string_view message);
  /// The same for the first piece of a long one; `parts` converts those that follow, if it is set.
  std::string begin_for_client(std::string piece, std::optional<AsciiParts>& parts,
                               bool is_last) const;
  /// LAST as it was at login.
  void note_seen();
  void count(Entry& entry, std::uint64_t bytes, bool is_top);
  /// The message with the number in `text`. Null where there is none: the reply has been put.
  Entry* numbered(std::string_view text);
  /// Logs the reason, and tells the client that it may pass later (RFC 3206).
  void refuse(const Error& error, std::string_view told);
  /// In a long answer: sends what has gathered, and lets other sessions have their turn.
  Task<> give_way();

  Connection& connection_;
  std::shared_ptr<const Config> config_;
  const Settings& settings_;
  Maildrop& maildrop_;
  Replies replies_;
  std::string user_;
  std::string client_;
  SessionTrace trace_;
  bool has_utf8_;
  std::size_t last_ = 0;  // for LAST: the greatest number that was retrieved, now or before
  Counts counts_;
  bool quitting_ = false;
  bool stopping_ = false;
  bool is_waiting_ = false;
};

}  // namespace pennypost::pop
