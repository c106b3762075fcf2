#include "smtpd/process/receive.h"

#include <algorithm>
#include <memory>
#include <string>

#include "common/dns/cares_resolver.h"
#include "common/log/log.h"
#include "common/metrics/figures.h"
#include "common/process/descriptor_limit.h"
#include "common/process/session_messages.h"
#include "common/session/guest_list.h"
#include "smtpd/inbound/port_backend.h"
#include "smtpd/inbound/session.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

// How long the process waits for an idle client to close after the 421 before it ends.
constexpr Duration farewell_time{2000};

const std::vector<Service> smtp_services{Service::Smtp, Service::Submission, Service::Submissions};

class Receiver {
 public:
  explicit Receiver(Child& child)
      : child_(child),
        resolver_(child.loop(), DnsSettings::from(*child.config(), child.prepared().files)),
        backend_(child.loop(), child.port("lookup"), child.port("queue"), &resolver_,
                 child.config()->lookup_cache_entries),
        auth_(child.loop(), child.port("auth")),
        guests_(child.loop()),
        sessions_(child.loop()),
        acceptors_(child.loop()) {}

  void start() {
    warn_of_few_descriptors();
    for (ServiceListener& listener : child_.listeners()) {
      acceptors_.start(accept_from(listener, context_of(listener.name)));
    }
    child_.on_drain([this] { drain(); });
    control::serve_session_list(child_.services("master"), list_);
  }

 private:
  void warn_of_few_descriptors() const {
    auto limit = child_.config()->smtpd_connections_max;
    if (limit <= sessions_by_descriptors_) return;
    log_warning("smtpd", "only " + std::to_string(descriptor_limit()) +
                             " file descriptors may be open, too few for smtpd_connections_max = " +
                             std::to_string(limit) + " (" + std::to_string(descriptors_each_) +
                             " each); raise the hard limit (ulimit "
                             "-Hn, or LimitNOFILE= of the service)");
  }

  /// The listeners are made from the same configuration, so that the service is in it.
  std::shared_ptr<const ServiceContext> context_of(const std::string& name) {
    auto services = child_.config()->listening(smtp_services);
    auto service = std::ranges::find(services, name, &ListeningService::name);
    ASSERT(service != services.end());
    ProcessContext process{child_.loop(), backend_};
    process.auth = &auth_;
    process.resolver = &resolver_;
    process.connections = &child_.connections();
    process.tls = child_.tls(name);
    process.traces = &child_.traces();
    process.make_queue_id = [] { return make_queue_id(); };
    return std::make_shared<const ServiceContext>(*service, child_.config(), std::move(process));
  }

  Task<> accept_from(ServiceListener& from, std::shared_ptr<const ServiceContext> context) {
    co_await child_.begun();
    for (std::uint64_t burst = 1;; ++burst) {
      auto socket = co_await from.listener.accept(child_.loop());
      ConnectionCounts::Place place;
      if (is_welcome(*socket, *context, place)) {
        while (is_full(*context) && !guests_.send_oldest_away()) co_await guests_.left().wait();
        sessions_.start(serve_client(std::move(socket), context, std::move(place)));
      }
      if (burst % child_.config()->connection_burst_max == 0) co_await child_.loop().yield();
    }
  }

  /// Whether the client may have another connection; if not, it is told so, unless it expects TLS
  /// first. A proxy's client is counted once it is known.
  static bool is_welcome(Socket& socket, const ServiceContext& context,
                         ConnectionCounts::Place& place) {
    IpAddress peer = socket.peer().address();
    if (context.is_proxy(peer)) return true;
    auto too_many = context.enter(peer, place);
    if (!too_many) return true;
    if (is_implicit_tls(context.service())) return false;
    std::string wire;
    too_many->append_to(wire);
    try {
      socket.try_write(wire);
    } catch (const Disconnected&) {
      // The client has closed the connection first.
    }
    return false;
  }

  bool is_full(const ServiceContext& context) const {
    auto limit = std::min(context.settings().smtpd_connections_max, sessions_by_descriptors_);
    return guests_.size() >= limit;
  }

  /// Each session needs one, another for a message's file, and one for each milter.
  std::size_t descriptors_each() const {
    std::size_t milters = 0;
    for (const auto& service : child_.config()->listening(smtp_services)) {
      milters = std::max(milters, service.settings->smtpd_milters.size());
    }
    return 2 + milters;
  }
  /// How many sessions there are descriptors for.
  std::size_t sessions_by_descriptors() const {
    auto descriptors = std::max(descriptor_limit(), descriptors_reserved + descriptors_each_);
    return (descriptors - descriptors_reserved) / descriptors_each_;
  }

  /// Serves one session to its end.
  Task<> serve_client(std::unique_ptr<Socket> socket, std::shared_ptr<const ServiceContext> context,
                      ConnectionCounts::Place place) {
    metrics::Present present(metrics::Metric::sessions, {});
    Endpoint peer = socket->peer();
    Endpoint local = socket->local();
    Session session(context, std::move(socket), peer, local, std::move(place));
    session.be_listed_in(list_);
    {
      GuestList::Stay stay(guests_, session);
      co_await stay.serve(session.serve());
    }
    session.end();
    if (child_.is_draining() && guests_.size() == 0) child_.finish();
  }

  void drain() {
    acceptors_.cancel();
    child_.listeners().clear();  // or clients would wait in a backlog that nobody serves
    for_each_session([](Session& session) { session.drain(); });
    if (guests_.size() == 0) {
      child_.finish();
    } else {
      child_.tasks().start(wait_for_idle());
    }
  }

  /// Waits for the sessions to end, but neither for clients that are idle after the 421 nor beyond
  /// the drain's limit.
  Task<> wait_for_idle() {
    for (Duration waited{0}; waited < child_.drain_limit() - farewell_time;
         waited += farewell_time) {
      co_await child_.loop().sleep(farewell_time);
      bool all_idle = true;
      for_each_session([&](const Session& session) { all_idle = all_idle && session.is_idle(); });
      if (all_idle) break;
    }
    for_each_session([](Session& session) { session.break_off(); });
    child_.finish();
  }

  template <class Function>
  void for_each_session(Function function) const {
    guests_.for_each(
        [&](const GuestList::Stay& stay) { function(static_cast<Session&>(stay.guest())); });
  }

  Child& child_;
  CaresResolver resolver_;
  PortBackend backend_;
  store::RemoteAuth auth_;
  // Computed once, since asking the kernel at each connection would be slow.
  const std::size_t descriptors_each_ = descriptors_each();
  const std::size_t sessions_by_descriptors_ = sessions_by_descriptors();
  SessionList list_;
  GuestList guests_;
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
