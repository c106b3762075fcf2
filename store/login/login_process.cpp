#include "store/login/login_process.h"

#include <algorithm>

#include "common/log/log.h"
#include "common/metrics/figures.h"
#include "common/process/descriptor_limit.h"
#include "common/session/session_id.h"
#include "common/tls/tls_stream.h"

namespace pennypost::store {
namespace {

// How long a client that is just logging in may take to finish when the daemon ends.
constexpr Duration farewell_time{2000};
// How long a client may take to read our last line after its dialogue has ended.
constexpr Duration linger_time{2000};

bool is_pop3(Service service) { return service == Service::Pop3 || service == Service::Pop3s; }

/// Who writes the log lines of a login.
const char* login_component(Service service) {
  if (service == Service::Sieve) return "managesieve-login";
  return is_pop3(service) ? "pop3-login" : "imap-login";
}

/// The last line to a client that is not served.
std::string goodbye(Service service, std::string_view why) {
  if (service == Service::Sieve) return "BYE (TRYLATER) \"" + std::string(why) + "\"\r\n";
  std::string_view before = is_pop3(service) ? "-ERR [SYS/TEMP] " : "* BYE ";
  return std::string(before) + std::string(why) + "\r\n";
}

/// Sends a last line without waiting; the client takes it at once or never. TLS is closed properly.
void say_farewell(Stream& stream, std::string_view line) {
  try {
    if (!line.empty()) stream.try_write(line);
    stream.shut_down();
  } catch (const Disconnected&) {
    // The client has disconnected already.
  }
}

}  // namespace

LoginProcess::LoginProcess(Child& child, MakeSession make_session)
    : child_(child),
      make_session_(std::move(make_session)),
      auth_(child.loop(), child.port("auth")),
      descriptor_limit_(descriptor_limit()),
      guests_(child.loop()),
      accepting_(child.loop()),
      clients_(child.loop()),
      relays_(child.loop()) {}

class LoginProcess::Visitor final : public Guest {
 public:
  Visitor(Service service, std::unique_ptr<Socket> socket, SteadyTime deadline)
      : service_(service), deadline_(deadline), stream_(std::move(socket)) {}

  bool is_stranger() const override { return !has_logged_in_; }
  void say_no_room() override {
    if (session_ != nullptr) {
      log_login_ended(session_->log_entry(), session_->reason_text("Too many connections"));
      say_farewell(connection_->stream(), goodbye(service_, "Too many connections."));
    } else if (!is_implicit_tls(service_)) {
      say_farewell(*stream_, goodbye(service_, "Too many connections."));
    }
  }
  /// Called when the server ends before the client has logged in.
  void stop() {
    if (session_ != nullptr) session_->stop();
  }

  Service service() const { return service_; }
  /// When the time to log in ends.
  SteadyTime deadline() const { return deadline_; }
  std::unique_ptr<Stream>& stream() { return stream_; }
  std::unique_ptr<Connection>& connection() { return connection_; }
  LoginSession& session() { return *session_; }
  void begin(std::unique_ptr<LoginSession> session) { session_ = std::move(session); }
  void note_login() { has_logged_in_ = true; }

 private:
  Service service_;
  SteadyTime deadline_;
  std::unique_ptr<Stream> stream_;          // until the dialogue begins
  std::unique_ptr<Connection> connection_;  // from then on, until it is handed over
  std::unique_ptr<LoginSession> session_;
  bool has_logged_in_ = false;
};

void LoginProcess::run() {
  auto limit = connections_max();
  if (limit + descriptors_reserved > descriptor_limit()) {
    log_warning("login", "only " + std::to_string(descriptor_limit()) +
                             " descriptors may be open here, too few for login_max_connections = " +
                             std::to_string(limit) + "; raise the hard limit (ulimit -Hn, or " +
                             "LimitNOFILE= of the service)");
  }
  for (auto& listener : child_.listeners()) accepting_.start(accept_from(listener));
  child_.services("master").on<TakeBack>([this](TakeBack order, std::vector<Descriptor> ends) {
    return take_back(std::move(order), std::move(ends));
  });
  child_.on_drain([this] {
    accepting_.cancel();
    child_.listeners().clear();
    if (child_.is_stopping()) {
      guests_.for_each(
          [](const GuestList::Stay& stay) { static_cast<Visitor&>(stay.guest()).stop(); });
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

ConnectionLimits LoginProcess::limits_of(Service service) const {
  const Settings& settings = child_.config()->at(service);
  ConnectionLimits limits(settings.login_client_event_limit_exceptions);
  limits.open_max = settings.login_client_connection_count_limit;
  limits.per_unit_max = settings.login_client_connection_rate_limit;
  limits.unit = child_.config()->anvil_rate_time_unit;
  return limits;
}

/// Whether the client may have one more connection; if not, it is told so, unless it expects TLS.
bool LoginProcess::is_welcome(Socket& socket, Service service, const ConnectionLimits& limits,
                              ConnectionCounts::Place& place) {
  IpAddress peer = socket.peer().address();
  auto entry = limits.enter(child_.connections(), peer, child_.loop().now());
  place = std::move(entry.place);
  if (entry.refusal.empty()) return true;
  log_warning(login_component(service), entry.refusal + " from " + peer.text() + " for service " +
                                            std::string(name_of(service)));
  if (!is_implicit_tls(service)) {
    say_farewell(socket, goodbye(service, "Too many connections from your address."));
  }
  return false;
}

/// One limit for the process, for all ports together.
std::size_t LoginProcess::connections_max() const {
  bool is_popd = !child_.listeners().empty() && is_pop3(child_.listeners().front().service);
  const Settings& settings = child_.config()->at(is_popd ? Service::Pop3 : Service::Imap);
  return settings.login_max_connections;
}

// A client has one descriptor; once its encrypted connection is relayed to a worker, two.
bool LoginProcess::is_full() const {
  auto limit = connections_max();
  auto descriptors = guests_.size() + 2 * relays_.size() + descriptors_reserved;
  return guests_.size() + relays_.size() >= limit || descriptors >= descriptor_limit_;
}

Task<> LoginProcess::accept_from(ServiceListener& listener) {
  co_await child_.begun();
  ConnectionLimits limits = limits_of(listener.service);
  for (std::uint64_t burst = 1;; ++burst) {
    auto socket = co_await listener.listener.accept(child_.loop());
    ConnectionCounts::Place place;
    if (is_welcome(*socket, listener.service, limits, place)) {
      while (is_full() && !guests_.send_oldest_away()) co_await guests_.left().wait();
      clients_.start(host(listener.service, std::move(socket), std::move(place)));
    }
    if (burst % child_.config()->connection_burst_max == 0) co_await child_.loop().yield();
  }
}

Task<> LoginProcess::host(Service service, std::unique_ptr<Socket> socket,
                          ConnectionCounts::Place place) {
  const Settings& settings = child_.config()->at(service);
  Duration limit = is_pop3(service) ? settings.pop3_login_timeout : settings.imap_login_timeout;
  LoginClient client;
  client.service = service;
  client.address = socket->peer().address();
  client.local = socket->local().address();
  client.session_id = make_session_id(Clock::system());
  client.tls = child_.tls(name_of(service));
  client.traces = &child_.traces();
  metrics::count(metrics::Metric::connections);
  metrics::Present present(metrics::Metric::sessions, {});
  // Held as long as the client is in this process.
  auto counted = std::move(place);
  Visitor visitor(service, std::move(socket), child_.loop().now() + limit);
  GuestList::Stay stay(guests_, visitor);
  auto work = welcome(visitor, std::move(client), "");
  co_await stay.serve(std::move(work));
}

/// Everything until the client has logged in, including the TLS handshake, must end by its
/// deadline. `input` is what it has sent already.
Task<> LoginProcess::welcome(Visitor& visitor, LoginClient client, std::string input) {
  Duration limit = child_.config()->auth_timeout;
  try {
    if (is_implicit_tls(visitor.service()) && !client.past) {
      auto tls = TlsStream::server(std::move(visitor.stream()), client.tls);
      TlsStream& stream = *tls;
      visitor.stream() = std::move(tls);
      auto left = visitor.deadline() - child_.loop().now();
      co_await stream.handshake(std::min(limit, std::chrono::ceil<Duration>(left)));
    }
    visitor.connection() =
        std::make_unique<Connection>(child_.loop(), std::move(visitor.stream()), limit);
    visitor.connection()->set_deadline(visitor.deadline());
    visitor.connection()->prepend_input(input);
    auto work = greet(visitor, std::move(client));
    co_await std::move(work);
  } catch (const Disconnected&) {
    // The client left before it logged in, and greet() has logged it.
  }
}

Task<> LoginProcess::greet(Visitor& visitor, LoginClient client) {
  auto& connection = visitor.connection();
  visitor.begin(make_session_(*connection, child_.config(), std::move(client), auth_));
  LoginSession& session = visitor.session();
  try {
    co_await session.learn_offer();
    auto success = co_await session.serve();
    if (!success) {
      auto why = session.attempts() > 0 ? "Auth failed" : "Aborted login";
      log_login_ended(session.log_entry(), session.reason_text(why));
      co_return co_await connection->part(linger_time);
    }
    visitor.note_login();
    auto work = hand_over(visitor, *std::move(success));
    co_await std::move(work);
  } catch (const Disconnected& lost) {
    if (connection == nullptr) throw;
    bool is_timeout = lost.reason() == Disconnected::Reason::Timeout;
    say_farewell(connection->stream(), is_timeout ? session.farewell() : "");
    log_login_ended(session.log_entry(), session.reason_text(lost.text()));
    throw;
  }
}

Task<> LoginProcess::hand_over(Visitor& visitor, LoginSuccess success) {
  auto& connection = visitor.connection();
  LoginSession& session = visitor.session();
  auto entry = session.log_entry();
  ClientInfo info;
  info.service = session.client().service;
  info.client_address = entry.remote;
  info.local_address = entry.local;
  info.is_encrypted = entry.tls;
  info.tls = session.tls_facts();
  info.session_id = entry.session;
  info.state = success.state;
  auto work = store::hand_over(child_, connection, success.answer.token, std::move(info), relays_,
                               guests_.left());
  auto given = co_await std::move(work);
  if (given) {
    log_login(entry);
    co_return;
  }
  log_warning(std::string(entry.service) + "-login", given.error().text());
  connection->put(session.refusal(success, given.error().response_code() == ResponseCode::Limit));
  co_await connection->part(linger_time);
}

Task<Result<Done>> LoginProcess::take_back(TakeBack order, std::vector<Descriptor> ends) {
  if (ends.size() != 1) co_return Error::temporary("4.3.0", "a client comes with its descriptor");
  if (child_.is_draining()) co_return Error::temporary("4.3.2", "the server is shutting down");
  if (is_full() && !guests_.send_oldest_away()) {
    co_return Error::temporary("4.3.2", "login_max_connections clients are there");
  }
  auto socket = Socket::adopted(child_.loop(), std::move(ends.front()));
  clients_.start(host_again(std::move(order.client), std::move(socket)));
  co_return Done();
}

// The limits of new connections hold for it no more: it is an old one.
Task<> LoginProcess::host_again(ClientInfo before, std::unique_ptr<Socket> socket) {
  const Settings& settings = child_.config()->at(before.service);
  LoginClient client;
  client.service = before.service;
  auto address = IpAddress::parse(before.client_address);
  auto local = IpAddress::parse(before.local_address);
  if (!address || !local) co_return;
  client.address = *address;
  client.local = *local;
  client.session_id = before.session_id;
  client.tls = child_.tls(name_of(before.service));
  client.traces = &child_.traces();
  client.past = LoginClient::Past{before.is_encrypted, std::move(before.tls)};
  metrics::Present present(metrics::Metric::sessions, {});
  Duration limit =
      is_pop3(before.service) ? settings.pop3_login_timeout : settings.imap_login_timeout;
  Visitor visitor(before.service, std::move(socket), child_.loop().now() + limit);
  GuestList::Stay stay(guests_, visitor);
  auto work = welcome(visitor, std::move(client), std::move(before.input));
  co_await stay.serve(std::move(work));
}

}  // namespace pennypost::store
