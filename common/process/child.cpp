#include "common/process/child.h"

#include <unistd.h>

#include <array>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/metrics/figures.h"

namespace pennypost {
namespace {

constexpr Duration settling_pause{5};
constexpr std::chrono::seconds memory_interval{5};
const long page_bytes = ::sysconf(_SC_PAGESIZE);
// A process that was just started will soon get the request for which it was started.
constexpr std::chrono::seconds first_request_time{2};

}  // namespace

Child::Child(Loop& loop, Start start)
    : loop_(loop),
      start_(std::move(start)),
      begun_(loop),
      log_keeper_(loop, [this] { return ask_for_log(); }),
      tasks_(loop) {
  Services& from_master = services("master");
  from_master.on<control::NewPeer>([this](control::NewPeer peer, std::vector<Descriptor> ends) {
    return new_peer(std::move(peer), std::move(ends));
  });
  from_master.on<control::TryConfig>([this](control::TryConfig tried, std::vector<Descriptor>) {
    return try_config(std::move(tried.config));
  });
  from_master.on<control::TakeConfig>(
      [this](control::TakeConfig, std::vector<Descriptor> log_file) {
        return take_config(std::move(log_file));
      });
  from_master.on<control::DropConfig>(
      [this](control::DropConfig, std::vector<Descriptor>) { return drop_config(); });
  from_master.on<control::Begin>(
      [this](control::Begin, std::vector<Descriptor>) { return begin(); });
  from_master.on<control::Drain>([this](control::Drain asked, std::vector<Descriptor>) {
    return drain(asked.is_stop, std::chrono::seconds(asked.seconds));
  });
  from_master.on<control::AskIdleness>(
      [this](control::AskIdleness, std::vector<Descriptor>) { return idleness(); });
  from_master.on<control::Trace>([this](control::Trace order, std::vector<Descriptor> watcher) {
    return trace(std::move(order), std::move(watcher));
  });
  from_master.on<control::EndTrace>(
      [this](control::EndTrace ended, std::vector<Descriptor>) { return end_trace(ended.number); });
  from_master.on<control::MakeRoom>([this](control::MakeRoom asked, std::vector<Descriptor>) {
    return make_room(asked.is_forced);
  });
  master_ = std::make_shared<Link>(loop_, std::move(start_.control), from_master, master_process);
  port("master").add(master_);
}

Child::~Child() = default;

std::shared_ptr<TlsContext> Child::tls(std::string_view service) const {
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

Task<std::optional<Descriptor>> Child::ask_for_log() {
  auto asking = master_->call(control::ConnectLog::type, wire::encode(control::ConnectLog()), {});
  auto reply = co_await std::move(asking);
  if (!reply || reply->descriptors.size() != 1) co_return std::nullopt;
  co_return std::move(reply->descriptors.front());
}

Task<Result<Done>> Child::new_peer(control::NewPeer peer, std::vector<Descriptor> ends) {
  if (ends.size() != 1) co_return Error::permanent("a new peer comes with one descriptor");
  std::string_view port_name = peer.kind;
  auto& its_services = services(port_name.substr(0, port_name.find(':')));
  auto link = std::make_shared<Link>(loop_, std::move(ends.front()), its_services, peer.process);
  port(peer.kind).add(link);
  tasks_.start(keep_link(std::move(link), port(peer.kind)));
  co_return Done();
}

Task<> Child::keep_link(std::shared_ptr<Link> link, Port& peers) {
  co_await link->run();
  peers.remove(link.get());
  for (const auto& tell : on_peer_gone_) tell(link->peer());
}

Services& Child::services(std::string_view kind) { return services_[std::string(kind)]; }

void Child::on_peer_gone(std::function<void(ProcessNumber)> handler) {
  on_peer_gone_.push_back(std::move(handler));
}

// Configuration

Task<Result<Done>> Child::try_config(std::string text) {
  tried_.reset();
  CO_TRY(auto config, Config::from_text(text));
  if (on_trial_) {
    auto work = on_trial_(config);
    CO_TRY_DO(co_await std::move(work));
  }
  tried_ = std::move(config);
  co_return Done();
}

Task<Result<Done>> Child::take_config(std::vector<Descriptor> log_file) {
  if (!log_file.empty()) log_sink().adopt(log_file.front().release());
  if (!tried_) co_return Error::temporary("no configuration was tried");
  start_.config = std::move(tried_);
  if (on_reload_) on_reload_();
  co_return Done();
}

Task<Result<Done>> Child::drop_config() {
  tried_.reset();
  co_return Done();
}

Task<Result<Done>> Child::begin() {
  has_begun_ = true;
  begun_.notify_all();
  co_return Done();
}

Task<Result<Done>> Child::trace(control::Trace order, std::vector<Descriptor> watcher) {
  if (watcher.size() != 1) co_return Error::permanent("a trace comes with one descriptor");
  TraceOrder wanted;
  wanted.number = order.number;
  wanted.client = std::move(order.client);
  wanted.user = std::move(order.user);
  wanted.destination = std::move(order.destination);
  traces_.add(std::move(wanted), std::move(watcher.front()));
  co_return Done();
}

Task<Result<Done>> Child::end_trace(std::uint64_t number) {
  traces_.remove(number);
  co_return Done();
}

Task<> Child::begun() {
  while (!has_begun_) co_await begun_.wait();
}

void Child::report_service() {
  control::Report report;
  report.serves = true;
  report.problems = std::move(problems_);
  master_->post(control::Report::type, wire::encode(report), {});
}

void Child::refuse(const Error& why) {
  control::Report report;
  for (auto line : split(why.text(), '\n')) report.problems.emplace_back(line);
  master_->post(control::Report::type, wire::encode(report), {});
  tasks_.start(stop_when_told());
  loop_.run();
  tasks_.cancel();
}

Task<> Child::stop_when_told() {
  while (!master_->is_settled()) co_await loop_.sleep(settling_pause);
  loop_.stop();
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
    } else if (!leaving_) {
      tasks_.start(leave(false));
    }
  }
  co_return Done();
}

// Ending

Child::Busy::Busy(Child& child) : child_(child) {
  ++child_.busy_;
  child_.was_busy_ = true;
}

Child::Busy::~Busy() {
  if (--child_.busy_ == 0) child_.idle_since_ = std::chrono::steady_clock::now();
}

void Child::leave_when_idle(Duration longest) { tasks_.start(watch_idleness(longest)); }

Task<> Child::watch_idleness(Duration longest) {
  while (!leaving_ && !draining_) {
    auto idle =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - idle_since_);
    Duration pause = busy_ > 0 ? longest : longest - idle;
    if (pause <= Duration::zero()) {
      co_await leave(true);
      pause = longest;  // a peer refused, or a request was on its way here
    }
    co_await loop_.sleep(pause);
  }
}

bool Child::is_idle() const {
  bool may_wait = !was_busy_ && std::chrono::steady_clock::now() - idle_since_ < first_request_time;
  return busy_ == 0 && !may_wait;
}

Task<Result<control::AskIdleness::Answer>> Child::idleness() const {
  control::AskIdleness::Answer answer;
  answer.is_idle = is_idle();
  auto idle = std::chrono::steady_clock::now() - idle_since_;
  answer.milliseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<Duration>(idle).count());
  co_return std::move(answer);
}

Task<Result<control::MakeRoom::Answer>> Child::make_room(bool is_forced) {
  control::MakeRoom::Answer answer;
  answer.leaves = leaving_ || draining_ || is_forced || is_idle();
  if (answer.leaves && !leaving_ && !draining_) tasks_.start(leave(true));
  co_return std::move(answer);
}

/// Tells every peer, and waits for its answer, by which time everything that it sent before has
/// arrived. With `needs_consent` it asks the master first, since only the master may know of a
/// coming request.
Task<> Child::leave(bool needs_consent) {
  leaving_ = true;
  if (needs_consent) {
    leaving_ = co_await master_->ask_to_leave();
    if (!leaving_) co_return;
  }
  std::vector<std::shared_ptr<Link>> peers;
  for (const auto& [kind, peer] : ports_) {
    if (kind != "master") peers.insert(peers.end(), peer->links().begin(), peer->links().end());
  }
  for (const auto& link : peers) co_await link->announce_leaving();
  while (!is_settled()) co_await loop_.sleep(settling_pause);
  loop_.stop();
}

bool Child::is_settled() const {
  if (busy_ > 0) return false;
  for (const auto& [kind, peers] : ports_) {
    for (const auto& link : peers->links()) {
      if (kind != "master" && !link->is_settled()) return false;
    }
  }
  return true;
}

/// Now and then, and only when there is something to do anyway: an idle process is left asleep.
void Child::note_memory() {
  auto now = loop_.now();
  if (now - memory_noted_ < memory_interval) return;
  memory_noted_ = now;
  std::array<char, 128> text{};
  auto count = ::pread(start_.memory.number(), text.data(), text.size(), 0);
  if (count <= 0) return;
  // `size resident shared ...`, in pages.
  auto fields = words({text.data(), static_cast<std::size_t>(count)}, " ");
  auto pages = fields.size() > 1 ? parse_number(fields[1]) : std::nullopt;
  if (pages) metrics::set_resident_memory(*pages * static_cast<std::uint64_t>(page_bytes));
}

void Child::run() {
  report_service();
  // Only now, since the handlers must be there when the first message is read.
  tasks_.start(listen_to_master());
  log_sink().gather(true);
  loop_.on_turn_end([this] {
    log_sink().flush();
    log_keeper_.look();
    note_memory();
  });
  loop_.run();
  log_sink().gather(false);
  log_keeper_.cancel();
  finish_log();
  // The tasks use objects that run()'s caller owns and is about to destroy.
  tasks_.cancel();
}

}  // namespace pennypost
