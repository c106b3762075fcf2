// Shows dialogues with clients and servers while they happen, to an admin who watches (pennypost
// trace).
//
//   20:31:04.123 imapd[71] 192.0.2.8 bob C: a1 SELECT INBOX
//   20:31:04.125 imapd[71] 192.0.2.8 bob S: a1 OK [READ-WRITE] Select completed.
//   20:31:05.001 smtp[72] mx.example.net[192.0.2.7]:25 - C: MAIL FROM:<bob@example.org>
//
// An admin's order comes with a socket, on which each line is one datagram. A session asks at each
// command whether there is an order (an integer), and if it is meant, its commands and what it
// answers are shown from then on. Nobody waits for a watcher: what the socket does not take is
// counted, and the next line says how many were lost.
//
// The session itself leaves out what no watcher may see, before it calls hear(): passwords and the
// responses of AUTH.
//
// LIMITS  orders_max orders; a line of line_bytes_max; of one answer reply_bytes_max
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "common/net/connection.h"

namespace pennypost {

/// Whom an admin wants to watch: some of them may be empty. A client must be from the address and
/// logged in as the user that are given; servers are watched only for a destination.
struct TraceOrder {
  std::uint64_t number = 0;
  std::string client;         ///< an IP address
  std::string user;           ///< a login name
  std::string destination{};  ///< a server's name or address, or the domain of a next hop
};

/// Whose dialogue it is. Views into the session.
struct TracedSession {
  std::string_view daemon;
  std::string_view client;
  std::string_view user;  ///< empty: not logged in
};

/// The same of a session in which we are the client. Views into the session.
struct TracedServer {
  std::string_view component;  ///< smtp, lmtp
  std::string_view target;     ///< `mx.example.net[192.0.2.7]:25`
  std::string_view user;       ///< as whom we log in; empty: we do not
  std::string_view host;
  std::string_view address;
  std::string_view next_hop;  ///< the domain that led to the host
};

/// The orders of a process.
class TraceDesk {
 public:
  static constexpr std::size_t orders_max = 4;
  static constexpr std::size_t line_bytes_max = 1000;
  static constexpr std::size_t reply_bytes_max = 4096;

  void add(TraceOrder order, Descriptor watcher);
  void remove(std::uint64_t number);
  bool any() const { return !watches_.empty(); }
  /// Whether anybody watches this session.
  bool is_watched(const TracedSession& session) const;
  bool is_server_watched(const TracedServer& server) const;
  /// Shows one line to all who watch this session.
  void show(const TracedSession& session, char side, std::string_view line);
  void show_server(const TracedServer& server, char side, std::string_view line);

 private:
  struct Watch {
    TraceOrder order;
    Descriptor watcher;
    std::uint64_t lost = 0;
    bool is_gone = false;
  };
  static bool is_meant(const TraceOrder& order, const TracedSession& session);
  static bool is_meant(const TraceOrder& order, const TracedServer& server);
  template <class Whose>
  void show_to(const Whose& whose, const std::string& text);
  static void send(Watch& watch, const std::string& line);
  std::vector<Watch> watches_;
};

/// A session's part: shows its dialogue if somebody wants to see it.
class SessionTrace {
 public:
  /// Without a desk nothing is ever shown.
  SessionTrace(TraceDesk* desk, Connection& connection) : desk_(desk), connection_(connection) {}

  /// Whether there is an order at all; hear() is to be called only then.
  bool is_asked() const { return desk_ != nullptr && desk_->any(); }
  /// The client has said this; what is answered from now on is shown as well. Empty: nothing yet.
  void hear(const TracedSession& session, std::string_view line);

 private:
  class Tap;
  TraceDesk* desk_;
  Connection& connection_;
};

}  // namespace pennypost
