// A listener in, one task a client out: what popd's and imapd's login processes share.
//
// LIMITS  login_max_connections: further clients wait in the kernel's queue
#pragma once

#include <functional>
#include <memory>

#include "common/net/connection.h"
#include "common/process/child.h"
#include "common/session/security.h"
#include "common/tls/tls_stream.h"
#include "store/service/handover.h"

namespace pennypost::store {

/// A client that has connected; for an implicit-TLS service the handshake is done.
struct NewClient {
  std::unique_ptr<Connection> connection;
  Service service = Service::Pop3;
  IpAddress address = IpAddress::loopback4();
  IpAddress local = IpAddress::loopback4();
  std::string session_id;
};

class LoginProcess {
 public:
  /// `greet` speaks with one client until it is handed over or gone; Disconnected ends it.
  using Greet = std::function<Task<>(LoginProcess&, NewClient)>;
  LoginProcess(Child& child, Greet greet);

  /// Accepts until the process drains; returns when the last client has gone.
  void run();
  Child& child() { return child_; }
  /// Relays between encrypted clients and their workers.
  Nursery& relays() { return relays_; }
  /// The hand-over itself, with `client`'s common parts filled in.
  Task<Result<void>> hand_over(NewClient& client, std::string token, std::string state);

 private:
  Task<> accept_from(ServiceListener& listener);
  Task<> welcome(Service service, std::unique_ptr<Socket> socket);
  Task<> finish_when_empty();
  Child& child_;
  Greet greet_;
  Nursery accepting_;
  Nursery clients_;
  Nursery relays_;
  Event client_left_;
};

}  // namespace pennypost::store
