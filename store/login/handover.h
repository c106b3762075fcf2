// Hands a connection over after login, from the login process to the account's worker.
//
//   login --AuthStep--> auth --Verified--> master          the master learns token -> account
//   login --HandOver{token, descriptor}--> master --Serve{account, descriptor}--> worker
//   worker --GiveBack{descriptor}--> master --TakeBack{descriptor}--> login     (UNAUTHENTICATE)
//
// A plain socket is passed itself. For an encrypted connection login keeps the TLS side and relays
// to a socketpair, whose other end is passed. Bytes that the client has already sent are passed
// along. The master starts the worker if there is none, with the account's uid, which it looks up
// itself: each system user gets a separate worker; own users share the uid of `virtual_mail_owner`
// and are spread over shards.
//
// A client that says UNAUTHENTICATE goes the way back, to any login process: what the worker has,
// the client's socket or the end of a relay, is what is passed. All that login has found out about
// the client (its address, its certificate) is sealed by the master, so that a worker can't make it
// up.
//
// LIMITS     tokens_max, token_lives; mail_max_userip_connections per user and address
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/async/nursery.h"
#include "common/net/connection.h"
#include "common/net/session_list.h"
#include "common/process/child.h"
#include "common/process/master.h"
#include "common/session/client_identity.h"
#include "store/accounts/account_ref.h"

namespace pennypost {
constexpr Service wire_last(Service) { return Service::Sieve; }
}  // namespace pennypost

namespace pennypost::store {

inline constexpr std::size_t tokens_max = 100'000;
inline constexpr std::chrono::seconds token_lives{60};

/// auth -> master: this token, used by that login process, stands for that account.
struct Verified {
  static constexpr std::uint16_t type = 42;
  using Reply = Done;
  std::string token;
  ProcessNumber process = master_process;
  std::string login;
  AccountRef account;
  template <class Archive>
  void fields(Archive& archive) {
    archive(token, process, login, account);
  }
};

/// What a session after login must know about the one before, and one that comes back from there.
struct ClientInfo {
  Service service = Service::Pop3;
  std::string login;
  std::string client_address;
  std::string local_address;
  bool is_encrypted = false;
  std::string session_id;
  TlsFacts tls;
  std::string seal;   // of all of the above but the login; the master's
  std::string state;  // specific to the daemon: IMAP's tag and command
  std::string input;  // what the client has already sent
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, login, client_address, local_address, is_encrypted, session_id, tls, seal,
            state, input);
  }
};

/// login -> master, with the descriptor. A token given to another process is not valid.
struct HandOver {
  static constexpr std::uint16_t type = 43;
  using Reply = Done;
  std::string token;
  ClientInfo client;
  template <class Archive>
  void fields(Archive& archive) {
    archive(token, client);
  }
};

/// master -> worker, with the descriptor.
struct Serve {
  static constexpr std::uint16_t type = 44;
  using Reply = Done;
  ClientInfo client;
  AccountRef account;
  template <class Archive>
  void fields(Archive& archive) {
    archive(client, account);
  }
};

/// worker -> master, with the descriptor: the client is no longer logged in. `client` is that of
/// Serve, but for `input`, which the client has sent behind its command.
struct GiveBack {
  static constexpr std::uint16_t type = 48;
  using Reply = Done;
  ClientInfo client;
  template <class Archive>
  void fields(Archive& archive) {
    archive(client);
  }
};

/// master -> login, with the descriptor.
struct TakeBack {
  static constexpr std::uint16_t type = 49;
  using Reply = Done;
  ClientInfo client;
  template <class Archive>
  void fields(Archive& archive) {
    archive(client);
  }
};

/// worker -> master: one session of this user from this address, in this worker, has ended.
struct SessionEnded {
  static constexpr std::uint16_t type = 45;
  using Reply = Done;
  std::string login;
  std::string client_address;
  template <class Archive>
  void fields(Archive& archive) {
    archive(login, client_address);
  }
};

/// In a login process: hands the connection over. Returns when the worker has it, or with the error
/// to tell the client. An encrypted connection is then relayed, by a task in `relays`, until either
/// side ends; then `relay_ended` is set.
Task<Result<void>> hand_over(Child& child, std::unique_ptr<Connection>& connection,
                             std::string token, ClientInfo client, Nursery& relays,
                             Event& relay_ended);

/// The master's part: knows tokens and starts workers. There is one for each daemon, as long as its
/// master.
class HandOverDesk {
 public:
  HandOverDesk();
  ~HandOverDesk();
  /// For `asks_master` in the rows of the process table.
  void serve_auth(Master& master, Services& services);
  void serve_login(Master& master, Services& services);
  void serve_worker(Master& master, Services& services);
  /// Whether the master has handed a session of this user to that worker that has not ended. It
  /// says nothing of users in whose name a worker in wrong hands may speak all the same: those
  /// whose sessions it has.
  bool has_session(const std::string& login, ProcessNumber worker) const;

  struct State;

 private:
  Task<Result<Done>> take_back(Master& master, GiveBack request, std::vector<Descriptor> ends);
  static Task<Result<Done>> note(std::shared_ptr<State> state, Verified verified);
  static Task<Result<Done>> forget(std::shared_ptr<State> state, SessionEnded ended,
                                   ProcessNumber worker);
  std::shared_ptr<State> state_;
};

/// The worker's part: accepts sessions; `serve` runs one to its end, on a connection whose client
/// is logged in.
class WorkerDesk {
 public:
  /// Returns the connection, all output sent, if its client is to log in anew; else null. A
  /// Disconnected ends the session and need not be caught. What is known of the client outlives the
  /// task.
  using ServeSession = std::function<Task<std::unique_ptr<Connection>>(
      std::unique_ptr<Connection>, const ClientInfo&, std::shared_ptr<const AccountRef>)>;
  WorkerDesk(Child& child, Duration timeout, ServeSession serve);

  /// Serves until the process drains and the last session has ended; `stop_sessions` is called
  /// once then, to end those that wait for their client.
  void run(std::function<void()> stop_sessions);

 private:
  Task<> finish_when_empty();
  Task<Result<Done>> take(Serve serve, std::vector<Descriptor> descriptors);
  Task<> serve(std::unique_ptr<Connection> connection, ClientInfo client,
               std::shared_ptr<const AccountRef> account);
  Task<std::unique_ptr<Connection>> serve_listed(std::unique_ptr<Connection> connection,
                                                 const ClientInfo& client,
                                                 std::shared_ptr<const AccountRef> account);
  Task<> give_back(std::unique_ptr<Connection> connection, ClientInfo client);
  Child& child_;
  Duration timeout_;
  ServeSession serve_;
  SessionList list_;
  Nursery sessions_;
};

}  // namespace pennypost::store
