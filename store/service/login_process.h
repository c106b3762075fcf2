// A listener in, one dialogue a client out: what popd's and imapd's login processes share.
//
// LIMITS  login_max_connections, and what `ulimit -n` allows: further clients wait in the kernel's
//         queue
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/net/connection.h"
#include "common/process/child.h"
#include "store/service/handover.h"
#include "store/service/login_session.h"

namespace pennypost::store {

class LoginProcess {
 public:
  /// The protocol's dialogue with one client, on a connection whose TLS handshake, for an
  /// implicit-TLS service, is done.
  using MakeSession = std::function<std::unique_ptr<LoginSession>(
      Connection&, std::shared_ptr<const Config>, LoginClient, AuthPort&)>;
  LoginProcess(Child& child, MakeSession make_session);

  /// Accepts until the process drains; returns when the last client has gone.
  void run();

 private:
  Task<> accept_from(ServiceListener& listener);
  bool is_full() const;
  Task<> welcome(Service service, std::unique_ptr<Socket> socket);
  /// The dialogue until the connection, which is gone then, is handed over or the client has left.
  Task<> greet(std::unique_ptr<Connection>& connection, LoginClient client);
  Task<> hand_over(std::unique_ptr<Connection>& connection, LoginSession& session,
                   LoginSuccess success);
  Task<> finish_when_empty();
  /// A dialogue's place in the books, for as long as it lives.
  class Entry;

  Child& child_;
  MakeSession make_session_;
  // One for all clients: it numbers their exchanges.
  RemoteAuth auth_;
  std::vector<LoginSession*> dialogues_;
  Nursery accepting_;
  Nursery clients_;
  Nursery relays_;
  Event client_left_;
};

/// A login process whose dialogues are `Session`s.
template <class Session>
void run_login(Child& child) {
  auto make = [](Connection& connection, std::shared_ptr<const Config> config, LoginClient client,
                 AuthPort& auth) -> std::unique_ptr<LoginSession> {
    return std::make_unique<Session>(connection, std::move(config), std::move(client), auth);
  };
  LoginProcess(child, make).run();
}

}  // namespace pennypost::store
