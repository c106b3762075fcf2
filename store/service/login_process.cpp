#include "store/service/login_process.h"

#include "common/log/log.h"
#include "common/process/descriptor_limit.h"
#include "common/session/session_id.h"
#include "common/tls/tls_stream.h"

namespace pennypost::store {
namespace {

// How long a client that is about to log in has for it when the daemon ends.
constexpr Duration farewell_time{2000};

// The last line to a client that waits for nothing else; it takes it at once or never.
void say_farewell(Connection& connection, std::string_view line) {
  try {
    if (!line.empty()) connection.stream().try_write(line);
  } catch (const Disconnected&) {
    // The client was faster.
  }
}

}  // namespace

LoginProcess::LoginProcess(Child& child, MakeSession make_session)
    : child_(child),
      make_session_(std::move(make_session)),
      auth_(child.port("auth")),
      accepting_(child.loop()),
      clients_(child.loop()),
      relays_(child.loop()),
      client_left_(child.loop()) {}

void LoginProcess::run() {
  auto limit = static_cast<std::size_t>(child_.config()->login_max_connections);
  if (limit + descriptors_reserved > descriptor_limit()) {
    log_warning("login", "only " + std::to_string(descriptor_limit()) +
                             " descriptors may be open here, too few for login_max_connections = " +
                             std::to_string(limit) + "; raise the hard limit (ulimit -Hn, or " +
                             "LimitNOFILE= of the service)");
  }
  for (auto& listener : child_.listeners()) accepting_.start(accept_from(listener));
  child_.on_drain([this] {
    accepting_.cancel();
    child_.listeners().clear();
    if (child_.is_stopping()) {
      for (auto* dialogue : dialogues_) dialogue->stop();
    }
    child_.tasks().start(finish_when_empty());
  });
  child_.run();
}

Task<> LoginProcess::finish_when_empty() {
  if (child_.is_stopping()) {
    co_await within(child_.loop(), farewell_time, clients_.join());
    clients_.cancel();
  }
  co_await clients_.join();
  co_await relays_.join();
  child_.finish();
}

// A client has one descriptor; once its encrypted connection is relayed to a worker, two.
bool LoginProcess::is_full() const {
  auto limit = static_cast<std::size_t>(child_.config()->login_max_connections);
  auto descriptors = clients_.size() + 2 * relays_.size() + descriptors_reserved;
  return clients_.size() + relays_.size() >= limit || descriptors >= descriptor_limit();
}

Task<> LoginProcess::accept_from(ServiceListener& listener) {
  for (;;) {
    while (is_full()) co_await client_left_.wait();
    auto socket = co_await listener.listener.accept(child_.loop());
    clients_.start(welcome(listener.service, std::move(socket)));
  }
}

Task<> LoginProcess::welcome(Service service, std::unique_ptr<Socket> socket) {
  LoginClient client;
  client.service = service;
  client.address = socket->peer().address();
  client.local = socket->local().address();
  client.session_id = make_session_id(Clock::system());
  client.tls = child_.tls(service);
  Duration limit = child_.config()->auth_timeout;
  try {
    std::unique_ptr<Stream> stream = std::move(socket);
    if (is_implicit_tls(service)) {
      auto tls = TlsStream::server(std::move(stream), client.tls);
      co_await tls->handshake(limit);
      stream = std::move(tls);
    }
    auto connection = std::make_unique<Connection>(child_.loop(), std::move(stream), limit);
    auto work = greet(connection, std::move(client));
    co_await std::move(work);
  } catch (const Disconnected&) {
    // A client that leaves before it logged in; greet() has logged what there was to log.
  }
  client_left_.notify_all();
}

class LoginProcess::Entry {
 public:
  Entry(LoginProcess& process, LoginSession& dialogue) : process_(process), dialogue_(dialogue) {
    process_.dialogues_.push_back(&dialogue_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { std::erase(process_.dialogues_, &dialogue_); }

 private:
  LoginProcess& process_;
  LoginSession& dialogue_;
};

Task<> LoginProcess::greet(std::unique_ptr<Connection>& connection, LoginClient client) {
  auto session = make_session_(*connection, child_.config(), std::move(client), auth_);
  Entry entry(*this, *session);
  try {
    auto success = co_await session->serve();
    if (!success) {
      auto why = session->attempts() > 0 ? "Auth failed" : "Aborted login";
      log_login_ended(session->log_entry(), session->reason_text(why));
      co_return;
    }
    auto work = hand_over(connection, *session, *std::move(success));
    co_await std::move(work);
  } catch (const Disconnected& lost) {
    if (connection == nullptr) throw;
    if (lost.reason() == Disconnected::Reason::Timeout) {
      say_farewell(*connection, session->farewell());
    }
    log_login_ended(session->log_entry(), session->reason_text(lost.text()));
    throw;
  }
}

Task<> LoginProcess::hand_over(std::unique_ptr<Connection>& connection, LoginSession& session,
                               LoginSuccess success) {
  auto entry = session.log_entry();
  ClientInfo info;
  info.service = session.client().service;
  info.client_address = entry.remote;
  info.local_address = entry.local;
  info.is_encrypted = entry.tls;
  info.session_id = entry.session;
  info.state = success.state;
  auto work = store::hand_over(child_, connection, success.answer.token, std::move(info), relays_,
                               client_left_);
  auto given = co_await std::move(work);
  if (given) {
    log_login(entry);
    co_return;
  }
  log_warning(std::string(entry.service) + "-login", given.error().text());
  connection->put(session.refusal(success, given.error().text().starts_with("[LIMIT]")));
  co_await connection->flush();
}

}  // namespace pennypost::store
