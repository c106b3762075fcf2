#include "smtpd/inbound/process.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "common/dns/cares_resolver.h"
#include "smtpd/inbound/port_backend.h"
#include "smtpd/inbound/session.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

// How long an idle client has to close after our 421, before the process ends without it.
constexpr Duration farewell_time{2000};

class Receiver {
 public:
  explicit Receiver(Child& child)
      : child_(child),
        resolver_(child.loop(), DnsSettings::from(*child.config(), child.prepared().files)),
        backend_(child.loop(), child.port("lookup"), child.port("queue"), &resolver_,
                 static_cast<std::size_t>(child.config()->lookup_cache_entries)),
        auth_(child.port("auth")),
        room_(child.loop()),
        sessions_(child.loop()),
        acceptors_(child.loop()) {}

  void start() {
    for (ServiceListener& listener : child_.listeners()) {
      acceptors_.start(accept_from(listener, site_of(listener.service)));
    }
    child_.on_drain([this] { drain(); });
  }

 private:
  std::shared_ptr<const Site> site_of(Service service) {
    Surroundings surroundings{child_.loop(), backend_};
    surroundings.auth = &auth_;
    surroundings.tls = child_.tls(service);
    surroundings.make_queue_id = [] { return make_queue_id(); };
    return std::make_shared<const Site>(service, child_.config(), std::move(surroundings));
  }

  Task<> accept_from(ServiceListener& from, std::shared_ptr<const Site> site) {
    const Settings& settings = site->settings();
    auto connections_max = static_cast<std::size_t>(settings.smtpd_connections_max);
    for (std::int64_t burst = 1;; ++burst) {
      while (sessions_.size() >= connections_max) co_await room_.wait();
      auto socket = co_await from.listener.accept(child_.loop());
      sessions_.start(hold(std::move(socket), site));
      if (burst % child_.config()->connection_burst_max == 0) co_await child_.loop().yield();
    }
  }

  /// One session, from its first to its last byte.
  Task<> hold(std::unique_ptr<Socket> socket, std::shared_ptr<const Site> site) {
    Endpoint peer = socket->peer();
    Endpoint local = socket->local();
    Session session(site, std::move(socket), peer, local);
    Place place(*this, session);
    co_await session.serve();
  }

  /// A session's place in the books, for as long as it lives.
  class Place {
   public:
    Place(Receiver& receiver, Session& session) : receiver_(receiver), session_(session) {
      receiver_.held_.push_back(&session_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      std::erase(receiver_.held_, &session_);
      receiver_.room_.notify_all();
      if (receiver_.child_.is_draining() && receiver_.held_.empty()) receiver_.child_.finish();
    }

   private:
    Receiver& receiver_;
    Session& session_;
  };

  void drain() {
    acceptors_.cancel();
    child_.listeners().clear();  // or strangers would wait in a queue that nobody serves
    for (Session* session : held_) session->drain();
    if (held_.empty()) {
      child_.finish();
    } else {
      child_.tasks().start(wait_for_idle());
    }
  }

  /// Clients that keep silent after our 421 hold nothing up, and none holds us up for good.
  Task<> wait_for_idle() {
    for (Duration waited{0}; waited < child_.drain_limit() - farewell_time;
         waited += farewell_time) {
      co_await child_.loop().sleep(farewell_time);
      bool all_idle =
          std::ranges::all_of(held_, [](const Session* session) { return session->is_idle(); });
      if (all_idle) break;
    }
    for (Session* session : held_) session->break_off();
    child_.finish();
  }

  Child& child_;
  CaresResolver resolver_;
  PortBackend backend_;
  store::RemoteAuth auth_;
  Event room_;
  std::vector<Session*> held_;
  Nursery sessions_;
  Nursery acceptors_;
};

}  // namespace

void run_receive(Child& child) {
  Receiver receiver(child);
  receiver.start();
  child.run();
}

}  // namespace pennypost::smtp
