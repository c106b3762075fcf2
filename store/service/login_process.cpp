#include "store/service/login_process.h"

#include "common/log/log.h"
#include "common/session/session_id.h"

namespace pennypost::store {

LoginProcess::LoginProcess(Child& child, Greet greet)
    : child_(child),
      greet_(std::move(greet)),
      accepting_(child.loop()),
      clients_(child.loop()),
      relays_(child.loop()),
      client_left_(child.loop()) {}

void LoginProcess::run() {
  for (auto& listener : child_.listeners()) accepting_.start(accept_from(listener));
  child_.on_drain([this] {
    accepting_.cancel();
    child_.listeners().clear();
    child_.tasks().start(finish_when_empty());
  });
  child_.run();
}

Task<> LoginProcess::finish_when_empty() {
  co_await clients_.join();
  co_await relays_.join();
  child_.finish();
}

Task<> LoginProcess::accept_from(ServiceListener& listener) {
  auto limit = static_cast<std::size_t>(child_.config()->login_max_connections);
  for (;;) {
    while (clients_.size() + relays_.size() >= limit) co_await client_left_.wait();
    auto socket = co_await listener.listener.accept(child_.loop());
    clients_.start(welcome(listener.service, std::move(socket)));
  }
}

Task<> LoginProcess::welcome(Service service, std::unique_ptr<Socket> socket) {
  NewClient client;
  client.service = service;
  client.address = socket->peer().address();
  client.local = socket->local().address();
  client.session_id = make_session_id(Clock::system());
  Duration limit = child_.config()->auth_timeout;
  try {
    std::unique_ptr<Stream> stream = std::move(socket);
    if (is_implicit_tls(service)) {
      auto tls = TlsStream::server(std::move(stream), child_.tls(service));
      co_await tls->handshake(limit);
      stream = std::move(tls);
    }
    client.connection = std::make_unique<Connection>(child_.loop(), std::move(stream), limit);
    auto work = greet_(*this, std::move(client));
    co_await std::move(work);
  } catch (const Disconnected&) {
    // A client that leaves before it logged in; greet_ has logged what there was to log.
  }
  client_left_.notify_all();
}

Task<Result<void>> LoginProcess::hand_over(NewClient& client, std::string token,
                                           std::string state) {
  ClientInfo info;
  info.service = static_cast<std::uint8_t>(client.service);
  info.client_address = client.address.text();
  info.local_address = client.local.text();
  info.is_encrypted = client.connection->stream().is_secure();
  info.session_id = client.session_id;
  info.state = std::move(state);
  auto work =
      store::hand_over(child_, client.connection, std::move(token), std::move(info), relays_);
  co_return co_await std::move(work);
}

}  // namespace pennypost::store
