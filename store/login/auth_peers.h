// Shares one throttle among the auth processes of smtpd, popd and imapd: each tells the others of
// every right and wrong password.
//
// There is no owner and no lock. Each process holds the whole state and a datagram socket in a
// directory that only they may enter; events go to all sockets there, collected over one turn of
// the event loop. A process that starts says hello, receives events from then on, and asks the
// others for their state. Nothing is lost when a process dies, and one that can't reach the others
// counts alone. Order does not matter, since events only add up; a peer that does not read loses
// the oldest events, and counts fewer.
//
// `pennypost throttle` uses the same sockets, to see the state and to lift blocks.
//
// LIMITS     peers_max, gathered_max events for a peer that does not read, replies_max, reply_time;
//            senders by SO_PASSCRED: our own uid, and root
// SEE ALSO   auth_messages.h (the bytes), ../../common/session/login_throttle.h (the state)
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/descriptor.h"
#include "common/config/config.h"
#include "store/login/auth_messages.h"

namespace pennypost::store {

/// The directory of the sockets, which only auth processes (and root) may enter.
std::string auth_socket_directory(const Config& config);

class AuthPeers {
 public:
  static constexpr std::size_t peers_max = 64;
  static constexpr std::size_t gathered_max = 20'000;
  static constexpr std::size_t replies_max = 16;
  static constexpr Duration reply_time{5000};

  AuthPeers(Loop& loop, LoginThrottle& throttle, std::string directory);
  ~AuthPeers();

  /// Makes our socket, and says hello to the others. Error: it can't be made.
  Result<void> open();
  /// Counts an event here, and tells the others. True if it blocks its pair of address and login.
  bool note(AuthEvent event);
  /// Sends what was gathered and removes the socket.
  void close();
  std::size_t size() const { return peers_.size(); }
  /// Grows with every change of the state, by this process or others.
  std::uint64_t changes() const { return changes_; }

 private:
  struct Peer {
    std::deque<AuthEvent> gathered;
  };
  struct Datagram {
    std::string bytes;
    Descriptor reply;
  };
  bool apply(const AuthEvent& event);
  void greet(const std::string& name);
  Task<> receive();
  std::optional<Datagram> receive_one();
  void take(Datagram datagram);
  void answer(Descriptor reply, std::string body);
  Task<> give(Descriptor reply, std::string body);
  Task<> learn(Descriptor reply);
  Task<> send_gathered();
  /// False if the peer accepts nothing now. A peer that has gone is removed from the list.
  bool send_to(const std::string& name, Peer& peer);

  Loop& loop_;
  LoginThrottle& throttle_;
  std::string directory_;
  std::string name_;
  Descriptor socket_;
  std::optional<Poll> poll_;
  std::map<std::string, Peer> peers_;
  std::uint64_t changes_ = 0;
  bool has_refused_ = false;  // another user's datagram, logged once
  Nursery sender_;
  Nursery replies_;
  Nursery tasks_;
};

/// For a command: asks every auth process of this host, and returns the answers of those that gave
/// one. Error: the directory can't be entered.
Result<std::vector<std::string>> ask_auth_processes(const std::string& directory,
                                                    const AuthNotice& question);

}  // namespace pennypost::store
