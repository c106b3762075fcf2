// Forks a daemon's processes, links those that talk to each other, and restarts crashed ones.
// Members of Master.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "common/log/log.h"
#include "common/process/master_process.h"
#include "common/process/title.h"
#include "common/tls/ticket_rotation.h"

namespace pennypost {
namespace {

constexpr int exit_software = 70;  // EX_SOFTWARE
constexpr Duration restart_pause_first{100};
constexpr std::chrono::seconds lives_long{60};  // after this time earlier crashes no longer count

unsigned number_of(const Kind& kind, unsigned cores) {
  switch (kind.number) {
    case Kind::Number::PerCore:
      return cores;
    case Kind::Number::PerTwoCores:
      return std::max(cores / 2, 1u);
    case Kind::Number::One:
    case Kind::Number::OnDemand:
      break;
  }
  return 1;
}

/// Why a process has ended, from waitpid().
std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    return "killed by signal " + std::to_string(WTERMSIG(status)) + "; see the log";
  }
  return "ended with status " + std::to_string(WEXITSTATUS(status)) + "; see the log";
}

/// Closes every descriptor from 3 up that is not in `kept`.
void close_all_but(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned next = 3;
  for (int number : kept) {
    auto current = static_cast<unsigned>(number);
    if (number < 3) continue;
    if (current > next) close_range(next, current - 1, 0);
    next = current + 1;
  }
  close_range(next, ~0u, 0);
}

}  // namespace

Result<void> Master::start(const Kind& kind, const std::string& instance,
                           const Identity* identity) {
  TRY(auto* process, launch(*now_, kind, instance, identity));
  begin(*process);
  return {};
}

/// Makes it one of the daemon's processes in service.
void Master::begin(Process& process) {
  process.is_candidate = false;
  link_peers(process);
  tell_traces(process);
  process.link->post(control::Begin::type, wire::encode(control::Begin()), {});
}

/// Starts a process that has no peers yet, and whose configuration is not yet in force.
Result<Master::Process*> Master::launch(Generation& from, const Kind& kind,
                                        const std::string& instance, const Identity* identity) {
  TRY(auto keep, privileges(*from.config, kind, identity));
  auto [ours, theirs] = socket_pair();
  auto connections = kind.listens ? connections_.take() : std::nullopt;
  auto figures = figures_.take();
  pid_t pid = fork();
  if (pid < 0) {
    if (connections) connections_.give_back(*connections);
    if (figures) figures_.give_back(*figures);
    return Error::temporary(std::string("fork: ") + std::strerror(errno));
  }
  if (pid == 0) {
    ours.close();
    figures_.enter(figures, kind.name);
    Child::Start begin;
    begin.kind = kind.name;
    begin.instance = instance;
    begin.config = from.config;
    begin.prepared = from.prepared;
    begin.control = std::move(theirs);
    if (kind.listens) {
      begin.connections = std::make_unique<ConnectionCounts>(&connections_, connections);
    } else {
      connections_.unmap();
    }
    become_child(from, kind, std::move(begin), keep);
  }
  Process process;
  process.kind = &kind;
  process.instance = instance;
  if (identity != nullptr) process.identity = *identity;
  process.pid = pid;
  process.link = std::make_shared<Link>(loop_, std::move(ours), *services_[kind.name],
                                        ProcessNumber(++last_process_));
  process.connections = connections;
  process.figures = figures;
  process.started = std::chrono::steady_clock::now();
  process.is_candidate = true;
  auto link = process.link;
  processes_.push_back(std::move(process));
  // Its report may be there already.
  tasks_->start(keep_link(std::move(link)));
  return &processes_.back();
}

void Master::become_child(Generation& from, const Kind& kind, Child::Start begin,
                          const Privileges& keep) {
  // Of the master's objects only its secrets are destroyed here; the others stay as they were at
  // the fork, unused.
  if (kind.listens) {
    tickets_->only_read();
  } else {
    tickets_->forget();
  }
  forget_keys(kind, begin);
  begin.memory = Descriptor(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::vector<int> kept{begin.control.number(), log_sink().descriptor(), begin.memory.number()};
  if (kind.listens) {
    for (auto& bound : from.bound) {
      kept.push_back(bound.descriptor.number());
      begin.listeners.push_back(ServiceListener{bound.name, bound.service,
                                                Listener(Descriptor(bound.descriptor.release()))});
    }
  }
  close_all_but(kept);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  set_process_title(spec_.name + ": " + kind.name +
                    (kind.number == Kind::Number::OnDemand ? " " + begin.instance : ""));
  auto dropped = drop_privileges(keep);
  if (!dropped) {
    log_fatal("master", kind.name + ": " + dropped.error().text());
    _exit(exit_os_error);
  }
  try {
    auto* loop = new Loop;  // never destroyed: the process ends with it
    auto* child = new Child(*loop, std::move(begin));
    kind.run(*child);
  } catch (const std::exception& error) {
    log_fatal("master", kind.name + ": uncaught exception: " + error.what());
    _exit(exit_software);
  }
  _exit(0);
}

/// Only processes that accept connections need the private keys of certificates and the ticket
/// keys.
void Master::forget_keys(const Kind& kind, Child::Start& begin) {
  auto rest = std::make_shared<Prepared>(*begin.prepared);
  if (!kind.listens) rest->tls.clear();
  if (!kind.sends) rest->client_tls = rest->lmtp_tls = {};
  if (!kind.sends) rest->transport_tls.clear();
  begin.prepared = std::move(rest);
  // OpenSSL wipes what it frees.
  if (now_) now_->prepared.reset();
  if (trial_ && trial_->next) trial_->next->prepared.reset();
}

void Master::link_peers(Process& process) {
  auto names = [](const Kind& kind, const Kind& other) {
    return std::ranges::find(kind.peers, other.name) != kind.peers.end();
  };
  for (auto& other : processes_) {
    bool is_peer = !other.is_draining && !other.is_candidate && other.link->is_up();
    if (&other == &process || !is_peer) continue;
    if (!names(*process.kind, *other.kind) && !names(*other.kind, *process.kind)) continue;
    auto [a, b] = socket_pair();
    for (auto [to, from, end] :
         {std::tuple(&process, &other, &a), std::tuple(&other, &process, &b)}) {
      control::NewPeer peer;
      peer.kind = from->port_name();
      peer.process = from->link->peer();
      std::vector<Descriptor> ends;
      ends.push_back(std::move(*end));
      to->link->post(control::NewPeer::type, wire::encode(peer), std::move(ends));
    }
  }
}

Task<> Master::keep_link(std::shared_ptr<Link> link) { co_await link->run(); }

/// The processes that always run.
std::vector<Master::Place> Master::places(const Config& config) const {
  unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
  std::vector<Place> places;
  for (const auto& kind : spec_.kinds) {
    if (kind.number == Kind::Number::OnDemand) continue;
    if (kind.is_wanted && !kind.is_wanted(config)) continue;
    for (unsigned i = 0; i < number_of(kind, cores); ++i) {
      places.push_back({&kind, std::to_string(i)});
    }
  }
  return places;
}

void Master::start_all() {
  for (const auto& [kind, instance] : places(*config())) {
    auto started = start(*kind, instance, nullptr);
    if (started) continue;
    log_error("master", kind->name + ": " + started.error().text());
    tell_not_ready(kind->name + ": " + started.error().text());
    tasks_->start(restart_later(kind->name, instance));
  }
}

void Master::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    auto ended = std::ranges::find(processes_, pid, &Process::pid);
    if (ended == processes_.end()) continue;
    bool was_expected = ended->is_draining || ended->is_candidate || stopping_;
    bool has_reported = ended->report.has_value();
    if (ended->is_candidate && trial_ && !(has_reported && !ended->report->serves)) {
      trial_->refusals.push_back(ended->kind->name + ": " + describe_end(status));
    }
    bool is_on_demand = ended->kind->number == Kind::Number::OnDemand;
    std::string kind = ended->kind->name;
    std::string instance = ended->instance;
    auto lived = std::chrono::steady_clock::now() - ended->started;
    if (ended->connections) connections_.give_back(*ended->connections);
    if (ended->figures) figures_.give_back(*ended->figures);
    processes_.erase(ended);
    ++ends_;
    if (lived > lives_long) crashes_.erase(kind + ":" + instance);
    if (was_expected) continue;
    if (!is_on_demand || status != 0) {
      log_child_died(spec_.name, kind, pid, status);
    }
    if (!is_on_demand && !has_reported) tell_not_ready(kind + ": " + describe_end(status));
    if (!is_on_demand) tasks_->start(restart_later(kind, instance));
  }
  child_ended_.notify_all();
  reported_.notify_all();
}

Task<> Master::restart_later(std::string kind, std::string instance) {
  int crashes = crashes_[kind + ":" + instance]++;
  Duration longest = config()->restart_backoff_max;
  Duration pause = std::min(restart_pause_first * (1 << std::min(crashes, 16)), longest);
  co_await loop_.sleep(pause);
  if (stopping_ || running(kind_named(kind), instance) != nullptr) co_return;
  auto started = start(kind_named(kind), instance, nullptr);
  if (started) co_return;
  log_error("master", kind + ": " + started.error().text());
  tasks_->start(restart_later(kind, instance));
}

}  // namespace pennypost
