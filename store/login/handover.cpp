#include "store/login/handover.h"

#include <fcntl.h>

#include <algorithm>
#include <functional>
#include <map>
#include <thread>

#include "common/crypto/random.h"
#include "common/log/log.h"
#include "common/metrics/figures.h"
#include "common/net/stream.h"
#include "common/process/descriptor_limit.h"
#include "common/process/session_messages.h"
#include "store/login/place.h"

namespace pennypost::store {
namespace {

constexpr std::size_t relay_bytes = 32 * 1024;
constexpr std::size_t seal_key_bytes = 32;

// Login's part

/// Relays one direction until either side ends.
Task<> pass_on(Stream& from, Stream& to) {
  std::string buffer;
  for (;;) {
    // No buffer while idle: there may be thousands of these.
    std::string().swap(buffer);
    bool ready = co_await from.wait(Poll::Event::Readable, SteadyTime::max());
    if (!ready) co_return;
    buffer.resize(relay_bytes);
    for (;;) {
      auto count = from.try_read(buffer);
      if (!count) break;
      std::string_view rest(buffer.data(), *count);
      while (!rest.empty()) {
        auto taken = to.try_write(rest);
        if (taken) {
          rest.remove_prefix(*taken);
        } else {
          co_await to.wait(Poll::Event::Writable, SteadyTime::max());
        }
      }
    }
  }
}

/// Relays both directions between an encrypted client and its worker. When the client closes, the
/// relay ends; when the worker closes, what is left is sent to the client first.
Task<> relay(Loop& loop, std::unique_ptr<Stream> client, std::unique_ptr<Stream> worker,
             Event& relay_ended) {
  Event ended(loop);
  bool is_over = false;
  auto one_way = [](Stream& from, Stream& to, Event& event, bool& over) -> Task<> {
    try {
      co_await pass_on(from, to);
    } catch (const Disconnected&) {
    }
    over = true;
    event.notify_all();
  };
  Nursery ways(loop);
  ways.start(one_way(*client, *worker, ended, is_over));
  ways.start(one_way(*worker, *client, ended, is_over));
  while (!is_over) co_await ended.wait();
  ways.cancel();
  client->shut_down();
  relay_ended.notify_all();
}

/// The address by which a user's sessions are counted: a block, since IPv6 clients can use many
/// addresses.
std::string counted_address(const std::string& client_address) {
  auto address = IpAddress::parse(client_address);
  return address ? address->client_block().text() : client_address;
}

}  // namespace

Task<Result<void>> hand_over(Child& child, std::unique_ptr<Connection>& connection,
                             std::string token, ClientInfo client, Nursery& relays,
                             Event& relay_ended) {
  co_await connection->flush();
  client.input = connection->take_input();
  auto stream = connection->exchange_stream(nullptr);
  HandOver request;
  request.token = std::move(token);
  request.client = std::move(client);
  std::vector<Descriptor> ends;
  auto* plain = dynamic_cast<Socket*>(stream.get());
  std::unique_ptr<Socket> to_worker;
  if (plain != nullptr) {
    ends.push_back(Descriptor(fcntl(plain->descriptor(), F_DUPFD_CLOEXEC, 3)));
  } else {
    auto [ours, theirs] = socket_pair();
    to_worker = Socket::adopted(child.loop(), std::move(ours));
    ends.push_back(std::move(theirs));
  }
  auto work = child.port("master").call(std::move(request), std::move(ends));
  auto answer = co_await std::move(work);
  if (!answer) {
    // The connection gets its stream back, to tell the client.
    connection->exchange_stream(std::move(stream));
    co_return Error(std::move(answer).error());
  }
  connection.reset();
  if (to_worker) {
    relays.start(relay(child.loop(), std::move(stream), std::move(to_worker), relay_ended));
  }
  co_return Result<void>();
}

// The master's part

struct HandOverDesk::State {
  // With which the master knows again what a login process has said of a client.
  std::string seal_key = random_bytes(seal_key_bytes);
  struct Login {
    ProcessNumber process = master_process;  // the only one that may use the token
    std::string login;
    AccountRef account;
    SteadyTime since;
  };
  // All sessions of an account are in one worker.
  struct Sessions {
    ProcessNumber worker = master_process;
    std::uint64_t count = 0;
  };
  std::map<std::string, Login> tokens;
  std::map<std::pair<std::string, std::string>, Sessions> sessions;  // by login and address

  void forget_old() {
    auto now = std::chrono::steady_clock::now();
    std::erase_if(tokens,
                  [&](const auto& entry) { return now - entry.second.since > token_lives; });
  }
  /// How many of these are open in the worker that would take one more. A crashed worker reports no
  /// ends of sessions: once another has replaced it, all of its sessions are over.
  std::uint64_t& sessions_of(const std::pair<std::string, std::string>& key, ProcessNumber worker) {
    auto& entry = sessions[key];
    if (entry.worker != worker) {
      auto gone = entry.worker;
      std::erase_if(sessions, [&](const auto& one) { return one.second.worker == gone; });
      sessions[key].worker = worker;
    }
    return sessions[key].count;
  }
  /// A worker can only end its own sessions.
  void end_session(const std::pair<std::string, std::string>& key, ProcessNumber worker) {
    auto found = sessions.find(key);
    if (found == sessions.end() || found->second.worker != worker) return;
    if (--found->second.count == 0) sessions.erase(found);
  }
};

namespace {

std::string seal_of(const std::string& key, ClientInfo client) {
  client.login.clear();
  client.seal.clear();
  client.state.clear();
  client.input.clear();
  return hmac_sha256(key, wire::encode(client));
}

Task<Result<Done>> start_session(Master& master, std::shared_ptr<HandOverDesk::State> state,
                                 HandOver request, std::vector<Descriptor> ends,
                                 ProcessNumber from) {
  state->forget_old();
  auto found = state->tokens.find(request.token);
  bool is_its_own = found != state->tokens.end() && found->second.process == from;
  if (!is_its_own || ends.size() != 1) {
    co_return Error::temporary("4.3.0", "this login is not known; log in again");
  }
  auto login = std::move(found->second);
  state->tokens.erase(found);
  auto shards = master.config()->imap_worker_shards;
  if (shards == 0) shards = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
  CO_TRY(auto place, place_of(*master.config(), login.account, shards));
  Demand demand;
  demand.kind = "worker";
  demand.instance = std::move(place.instance);
  demand.identity = std::move(place.identity);
  demand.is_shared = place.is_shared;
  CO_TRY(auto started, co_await master.start_on_demand(std::move(demand)));
  auto worker = std::move(started.link);
  Limit limit = master.config()->at(request.client.service).mail_max_userip_connections;
  auto key = std::pair(login.login, counted_address(request.client.client_address));
  auto& open_sessions = state->sessions_of(key, worker->peer());
  if (!limit.has_room_beside(open_sessions)) {
    co_return Error(451, ResponseCode::Limit,
                    "too many connections of this user from this address "
                    "(mail_max_userip_connections = " +
                        std::to_string(limit.value()) + ")");
  }
  Serve serve;
  serve.client = std::move(request.client);
  serve.client.seal = seal_of(state->seal_key, serve.client);
  serve.client.login = login.login;
  serve.account = std::move(login.account);
  ++open_sessions;
  auto serving = worker->peer();
  auto work = worker->call(Serve::type, wire::encode(serve), std::move(ends));
  auto answer = co_await std::move(work);
  if (answer) co_return Done();
  state->end_session(key, serving);
  co_return Error(std::move(answer).error());
}

}  // namespace

HandOverDesk::HandOverDesk() : state_(std::make_shared<State>()) {}
HandOverDesk::~HandOverDesk() = default;

void HandOverDesk::serve_auth(Master&, Services& services) {
  services.on<Verified>([state = state_](Verified verified, std::vector<Descriptor>) {
    return note(state, std::move(verified));
  });
}

Task<Result<Done>> HandOverDesk::note(std::shared_ptr<State> state, Verified verified) {
  state->forget_old();
  if (state->tokens.size() >= tokens_max) {
    co_return Error::temporary("4.3.2", "too many logins under way");
  }
  State::Login login;
  login.process = verified.process;
  login.login = std::move(verified.login);
  login.account = std::move(verified.account);
  login.since = std::chrono::steady_clock::now();
  state->tokens.insert_or_assign(std::move(verified.token), std::move(login));
  co_return Done();
}

void HandOverDesk::serve_login(Master& master, Services& services) {
  services.on<HandOver>([&master, state = state_](HandOver request, std::vector<Descriptor> ends,
                                                  ProcessNumber from) {
    return start_session(master, state, std::move(request), std::move(ends), from);
  });
}

void HandOverDesk::serve_worker(Master& master, Services& services) {
  services.on<GiveBack>([this, &master](GiveBack request, std::vector<Descriptor> ends) {
    return take_back(master, std::move(request), std::move(ends));
  });
  services.on<SessionEnded>(
      [state = state_](SessionEnded ended, std::vector<Descriptor>, ProcessNumber worker) {
        return forget(state, std::move(ended), worker);
      });
}

bool HandOverDesk::has_session(const std::string& login, ProcessNumber worker) const {
  const auto& sessions = state_->sessions;
  auto at = sessions.lower_bound({login, ""});
  for (; at != sessions.end() && at->first.first == login; ++at) {
    if (at->second.worker == worker && at->second.count > 0) return true;
  }
  return false;
}

Task<Result<Done>> HandOverDesk::take_back(Master& master, GiveBack request,
                                           std::vector<Descriptor> ends) {
  auto seal = seal_of(state_->seal_key, request.client);
  if (ends.size() != 1 || !equal_in_constant_time(request.client.seal, seal)) {
    co_return Error::temporary("4.3.0", "this client was never handed over");
  }
  auto login = master.one_of("login");
  if (!login) co_return Error::temporary("4.3.2", "there is no login process now");
  TakeBack order;
  order.client = std::move(request.client);
  auto work = login->call(TakeBack::type, wire::encode(order), std::move(ends));
  auto answer = co_await std::move(work);
  if (!answer) co_return Error(std::move(answer).error());
  co_return Done();
}

Task<Result<Done>> HandOverDesk::forget(std::shared_ptr<State> state, SessionEnded ended,
                                        ProcessNumber worker) {
  state->end_session(std::pair(ended.login, counted_address(ended.client_address)), worker);
  co_return Done();
}

// The worker's part

namespace {

SessionEnded ended_of(const ClientInfo& client) {
  SessionEnded ended;
  ended.login = client.login;
  ended.client_address = client.client_address;
  return ended;
}

OpenSession shown_of(const ClientInfo& client) {
  OpenSession shown;
  shown.service = name_of(client.service);
  shown.user = client.login;
  shown.client = client.client_address;
  shown.since = Clock::system().now_seconds();
  shown.is_encrypted = client.is_encrypted;
  return shown;
}

}  // namespace

WorkerDesk::WorkerDesk(Child& child, Duration timeout, ServeSession serve)
    : child_(child), timeout_(timeout), serve_(std::move(serve)), sessions_(child.loop()) {
  Loop::set_offload_threads(static_cast<unsigned>(child_.config()->io_threads));
  child_.leave_when_idle(child_.config()->max_idle);
  child_.services("master").on<Serve>([this](Serve request, std::vector<Descriptor> ends) {
    return take(std::move(request), std::move(ends));
  });
  control::serve_session_list(child_.services("master"), list_);
}

Task<Result<Done>> WorkerDesk::take(Serve request, std::vector<Descriptor> ends) {
  if (ends.size() != 1) co_return Error::temporary("4.3.0", "a session comes with its descriptor");
  // A descriptor that can't be received would be lost, with all messages after it.
  if (sessions_.size() + descriptors_reserved >= descriptor_limit()) {
    co_return Error(451, ResponseCode::Limit,
                    "no more sessions fit into the limit on descriptors (ulimit -Hn)");
  }
  if (child_.is_draining()) co_return Error::temporary("4.3.2", "the server is shutting down");
  auto socket = Socket::adopted(child_.loop(), std::move(ends.front()));
  auto connection = std::make_unique<Connection>(child_.loop(), std::move(socket), timeout_);
  connection->prepend_input(request.client.input);
  request.client.input.clear();
  auto account = std::make_shared<const AccountRef>(std::move(request.account));
  sessions_.start(serve(std::move(connection), std::move(request.client), std::move(account)));
  co_return Done();
}

void WorkerDesk::run(std::function<void()> stop_sessions) {
  child_.on_drain([this, stop = std::move(stop_sessions)] {
    stop();
    child_.tasks().start(finish_when_empty());
  });
  child_.run();
}

Task<> WorkerDesk::finish_when_empty() {
  co_await sessions_.join();
  child_.finish();
}

Task<> WorkerDesk::serve(std::unique_ptr<Connection> connection, ClientInfo client,
                         std::shared_ptr<const AccountRef> account) {
  Child::Busy busy(child_);
  std::unique_ptr<Connection> returned;
  try {
    auto serving = serve_listed(std::move(connection), client, std::move(account));
    returned = co_await std::move(serving);
  } catch (const Disconnected&) {
    // The client left before its mail was open, or while its last response was sent.
  }
  child_.port("master").post(ended_of(client));
  if (!returned) co_return;
  auto work = give_back(std::move(returned), std::move(client));
  co_await std::move(work);
}

Task<std::unique_ptr<Connection>> WorkerDesk::serve_listed(
    std::unique_ptr<Connection> connection, const ClientInfo& client,
    std::shared_ptr<const AccountRef> account) {
  metrics::Present present(metrics::Metric::sessions, {});
  auto* stream_of = connection.get();
  auto session = serve_(std::move(connection), client, std::move(account));
  // Leaves the list before the session, and with it its connection, is gone.
  SessionList::Stay stay(list_, shown_of(client), [stream_of] { stream_of->stream().abort(); });
  auto returned = co_await std::move(session);
  co_return returned;
}

/// Once the client knows that it is not logged in any more, only BYE can tell that something went
/// wrong; a connection that is closed says it as well (RFC 8437 section 3).
Task<> WorkerDesk::give_back(std::unique_ptr<Connection> connection, ClientInfo client) {
  client.input = connection->take_input();
  auto stream = connection->exchange_stream(nullptr);
  auto* socket = dynamic_cast<Socket*>(stream.get());
  ASSERT(socket != nullptr);
  GiveBack request;
  request.client = std::move(client);
  std::vector<Descriptor> ends;
  ends.push_back(socket->release());
  auto work = child_.port("master").call(std::move(request), std::move(ends));
  auto answer = co_await std::move(work);
  if (!answer) log_warning("login", "UNAUTHENTICATE: " + answer.error().text());
}

}  // namespace pennypost::store
