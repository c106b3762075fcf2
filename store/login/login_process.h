// Accepts clients and runs one dialogue for each; popd's and imapd's login processes share this.
//
// A client beyond its limit is turned away when it is accepted. When all places are taken, the
// oldest client that has not logged in is disconnected; if all have logged in, further clients
// wait.
//
// LIMITS login_max_connections, login_client_connection_..._limit, and the hard `ulimit -n`
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
  /// Makes the protocol's dialogue with one client. For an implicit-TLS service the connection's
  /// TLS handshake is done.
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
  /// A client, as long as it is in this process.
  class Visitor;
  Task<> host(Service service, std::unique_ptr<Socket> socket, ConnectionCounts::Place place);
  Task<> welcome(Visitor& visitor, LoginClient client, std::string input);
  /// Runs the dialogue until the connection is handed over or the client has left; it is gone then.
  Task<> greet(Visitor& visitor, LoginClient client);
  Task<> hand_over(Visitor& visitor, LoginSuccess success);
  /// A client that is no longer logged in comes back from its worker.
  Task<Result<Done>> take_back(TakeBack order, std::vector<Descriptor> ends);
  Task<> host_again(ClientInfo before, std::unique_ptr<Socket> socket);
  Task<> finish_when_empty();

  Child& child_;
  MakeSession make_session_;
  // Shared by all clients, since it numbers their exchanges.
  RemoteAuth auth_;
  // Read once: a system call for each connection would cost too much.
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
