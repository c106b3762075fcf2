#include "common/process/child.h"

#include "common/log/log.h"
#include "common/process/control.h"

namespace pennypost {
namespace {

constexpr std::chrono::seconds leaving_time{2};

}  // namespace

Child::Child(Loop& loop, Start start) : loop_(loop), start_(std::move(start)), tasks_(loop) {
  Services& from_master = services("master");
  from_master.on<control::NewPeer>([this](control::NewPeer peer, std::vector<Descriptor> ends) {
    return new_peer(std::move(peer), std::move(ends));
  });
  from_master.on<control::Reload>([this](control::Reload reload, std::vector<Descriptor> log_file) {
    return take_config(std::move(reload.config), std::move(log_file));
  });
  from_master.on<control::Drain>([this](control::Drain asked, std::vector<Descriptor>) {
    return drain(asked.is_stop, std::chrono::seconds(asked.seconds));
  });
  master_ = std::make_shared<Link>(loop_, std::move(start_.control), from_master, master_process);
  port("master").add(master_);
}

Child::~Child() = default;

std::shared_ptr<TlsContext> Child::tls(Service service) const {
  auto found = prepared().tls.find(service);
  return found == prepared().tls.end() ? nullptr : found->second;
}

Port& Child::port(std::string_view kind) {
  auto found = ports_.find(kind);
  if (found == ports_.end()) {
    std::string name(kind);
    found = ports_.emplace(name, std::make_unique<Port>(loop_, name)).first;
  }
  return *found->second;
}

Task<> Child::listen_to_master() {
  co_await master_->run();
  loop_.stop();  // the master has gone
}

Task<Result<Done>> Child::new_peer(control::NewPeer peer, std::vector<Descriptor> ends) {
  if (ends.size() != 1) co_return Error::permanent("a new peer comes with one descriptor");
  std::string_view port_name = peer.kind;
  auto& its_services = services(port_name.substr(0, port_name.find(':')));
  auto link = std::make_shared<Link>(loop_, std::move(ends.front()), its_services, peer.process);
  linked_.insert(peer.process);
  port(peer.kind).add(link);
  tasks_.start(keep_link(std::move(link), port(peer.kind)));
  co_return Done();
}

Task<> Child::keep_link(std::shared_ptr<Link> link, Port& peers) {
  co_await link->run();
  peers.remove(link.get());
  linked_.erase(link->peer());
  for (const auto& tell : on_peer_gone_) tell(link->peer());
}

Services& Child::services(std::string_view kind) { return services_[std::string(kind)]; }

void Child::on_peer_gone(std::function<void(ProcessNumber)> handler) {
  on_peer_gone_.push_back(std::move(handler));
}

Task<Result<Done>> Child::take_config(std::string text, std::vector<Descriptor> log_file) {
  if (!log_file.empty()) log_sink().adopt(log_file.front().release());
  CO_TRY(start_.config, Config::from_text(text));
  if (on_reload_) on_reload_();
  co_return Done();
}

Task<Result<Done>> Child::drain(bool is_stop, std::chrono::seconds limit) {
  if (!draining_) {
    draining_ = true;
    stopping_ = is_stop;
    drain_limit_ = limit;
    for (auto& [kind, peers] : ports_) {
      if (kind != "master") peers->say_leaving();
    }
    if (on_drain_) {
      on_drain_();
    } else {
      loop_.stop();
    }
  }
  co_return Done();
}

void Child::leave_when_idle(Duration longest, std::function<std::uint64_t()> activity,
                            std::function<bool()> is_busy) {
  tasks_.start(watch_idleness(longest, std::move(activity), std::move(is_busy)));
}

Task<> Child::watch_idleness(Duration longest, std::function<std::uint64_t()> activity,
                             std::function<bool()> is_busy) {
  for (;;) {
    auto before = activity();
    co_await loop_.sleep(longest);
    if (activity() == before && !is_busy()) break;
  }
  for (auto& [kind, peers] : ports_) peers->say_leaving();
  // What they sent before they knew still arrives, and is served.
  co_await loop_.sleep(leaving_time);
  while (is_busy()) co_await loop_.sleep(leaving_time);
  loop_.stop();
}

void Child::run() {
  // Only now: what serves the first message must be there when it is read.
  tasks_.start(listen_to_master());
  log_sink().gather(true);
  loop_.on_turn_end([] { log_sink().flush(); });
  loop_.run();
  log_sink().gather(false);
  // They use what run()'s caller owns and is about to destroy.
  tasks_.cancel();
}

}  // namespace pennypost
