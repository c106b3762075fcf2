// Accepts clients and runs one dialogue for each: what popd's and imapd's login processes share.
//
// A client beyond its limit is turned away as it is accepted. When all places are taken, the oldest
// client that has not logged in is disconnected; where all have logged in, further clients wait.
//
// LIMITS     login_max_connections, and what `ulimit -n` allows; login_client_connection_..._limit
#pragma once

#include <functional>
#include <memory>

#include "common/net/connection.h"
#include "common/process/child.h"
#include "common/session/connection_limits.h"
#include "common/session/guest_list.h"
#include "store/login/handover.h"
#include "store/login/login_session.h"

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
  ConnectionLimits limits_of(Service service) const;
  bool is_welcome(Socket& socket, Service service, const ConnectionLimits& limits,
                  ConnectionCounts::Place& place);
  std::size_t connections_max() const;
  bool is_full() const;
  /// A client, from its first to its last byte in this process.
  class Visitor;
  Task<> host(Service service, std::unique_ptr<Socket> socket, ConnectionCounts::Place place);
  Task<> welcome(Visitor& visitor, LoginClient client);
  /// The dialogue until the connection, which is gone then, is handed over or the client has left.
  Task<> greet(Visitor& visitor, LoginClient client);
  Task<> hand_over(Visitor& visitor, LoginSuccess success);
  Task<> finish_when_empty();

  Child& child_;
  MakeSession make_session_;
  // One for all clients: it numbers their exchanges.
  RemoteAuth auth_;
  // Once, since to ask the kernel at each connection would cost.
  const std::size_t descriptor_limit_;
  GuestList guests_;
  Nursery accepting_;
  Nursery clients_;
  Nursery relays_;
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
