#include "common/process/master.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/log/log.h"
#include "common/process/control.h"
#include "common/process/descriptor_limit.h"
#include "common/process/directories.h"
#include "common/process/interfaces.h"
#include "common/process/master_process.h"
#include "common/process/notify.h"
#include "common/process/pid_file.h"
#include "common/process/reload.h"
#include "common/process/server_tls.h"
#include "common/process/title.h"
#include "common/tls/ticket_rotation.h"

namespace pennypost {
namespace {

constexpr int exit_os_error = 71;        // EX_OSERR
constexpr int exit_configuration = 78;   // EX_CONFIG
constexpr int configuration_code = 554;  // of an Error that stands for exit_configuration
constexpr int exit_software = 70;        // EX_SOFTWARE
constexpr Duration restart_pause_first{100};
constexpr std::chrono::seconds drain_time{10};  // for each half of a stop
constexpr std::chrono::seconds lives_long{60};  // whoever lived so long starts afresh
constexpr std::size_t prepared_file_bytes_max = 1 << 20;
constexpr int prepared_signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};

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

std::string read_small_file(const std::string& path) {
  std::ifstream file(path);
  std::string bytes(prepared_file_bytes_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  bytes.shrink_to_fit();
  return bytes;
}

/// Why a process has ended, as waitpid() tells it.
std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    return "killed by signal " + std::to_string(WTERMSIG(status)) + "; see the log";
  }
  return "ended with status " + std::to_string(WEXITSTATUS(status)) + "; see the log";
}

/// What is in the new root of a process without rights must be nobody's choice.
Result<void> prepare_empty_directory(const std::string& path) {
  TRY_DO(prepare_directory(path, 0755, nullptr, "empty_directory"));
  auto stranger = is_root() ? who_may_change(path, Groups::Trusted) : std::optional<OpenToOthers>();
  if (!stranger) return {};
  return Error::permanent("empty_directory = " + path + ": " + stranger->reason +
                          "; it and all directories above it must be root's (chown root, chmod "
                          "go-w), or set another");
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

Task<Result<RawReply>> Master::connect_log() {
  Descriptor fresh(log_sink().connect_anew());
  if (!fresh) co_return Error::temporary("syslogd is away");
  RawReply reply;
  reply.body = wire::encode(Done());
  reply.descriptors.push_back(std::move(fresh));
  co_return std::move(reply);
}

Master::Master(Loop& loop, DaemonSpec spec, LoadOptions options)
    : loop_(loop),
      spec_(std::move(spec)),
      options_(std::move(options)),
      child_ended_(loop),
      reloaded_(loop),
      reported_(loop),
      caught_up_(loop),
      tickets_(TicketKeys::create()),
      tasks_(std::make_unique<Nursery>(loop)),
      log_keeper_(loop, {}) {
  options_.program = spec_.name;
  for (const auto& kind : spec_.kinds) {
    auto services = std::make_unique<Services>();
    services->on<control::Report>(
        [this](control::Report report, std::vector<Descriptor>, ProcessNumber from) {
          return note_report(std::move(report), from);
        });
    if (kind.asks_master) kind.asks_master(*this, *services);
    services->on_raw<control::ConnectLog>(
        [](control::ConnectLog, std::vector<Descriptor>) { return connect_log(); });
    services_[kind.name] = std::move(services);
  }
  serve_reload();
}

Master::~Master() = default;

const Kind& Master::kind_named(const std::string& name) const {
  auto found = std::ranges::find(spec_.kinds, name, &Kind::name);
  ASSERT(found != spec_.kinds.end());
  return *found;
}

// Configuration

Result<std::shared_ptr<const Prepared>> Master::prepare(const Config& config) const {
  std::vector<std::string> lacks = check_host(config, spec_.name);
  if (!lacks.empty()) return Error(configuration_code, join(lacks, "\n"));
  TRY_DO(prepare_empty_directory(config.empty_directory));
  if (spec_.prepare) {
    TRY_DO(spec_.prepare(config));
  }
  auto prepared = std::make_shared<Prepared>();
  TRY(prepared->tls, server_contexts(config, spec_.services, tickets_));
  if (spec_.is_tls_client) {
    TRY(prepared->verifying_client, verifying_client(config));
  }
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) {
    prepared->files[path] = read_small_file(path);
  }
  TlsContext::prepare_for_chroot();
  return std::shared_ptr<const Prepared>(std::move(prepared));
}

const Master::Bound* Master::find_bound(Service service, const Endpoint& endpoint) const {
  if (!now_) return nullptr;
  auto found = std::ranges::find_if(now_->bound, [&](const Bound& entry) {
    return entry.service == service && entry.endpoint == endpoint && entry.descriptor;
  });
  return found == now_->bound.end() ? nullptr : &*found;
}

Result<void> Master::bind_listeners(const Config& config, std::list<Bound>& bound) const {
  for (Service service : spec_.services) {
    auto port = static_cast<std::uint16_t>(config.port(service));
    if (port == 0) continue;
    const auto& settings = config.at(service);
    TRY(auto addresses, listen_addresses(settings.inet_interfaces, config.inet_protocols));
    std::size_t count = 0;
    for (const auto& [address, is_implied] : addresses) {
      Endpoint endpoint(address, port);
      if (const Bound* old = find_bound(service, endpoint)) {
        bound.push_back(
            {service, endpoint, Descriptor(fcntl(old->descriptor.number(), F_DUPFD_CLOEXEC, 3))});
        ++count;
        continue;
      }
      auto descriptor = listen_tcp(endpoint);
      if (!descriptor) {
        bool is_missing = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
        if (is_implied && is_missing) continue;
        return Error::permanent(std::string(name_of(service)) + ": " + descriptor.error().text());
      }
      bound.push_back({service, endpoint, *std::move(descriptor)});
      ++count;
    }
    if (count == 0) {
      return Error::permanent(std::string(name_of(service)) +
                              ": no address of inet_interfaces exists on this host");
    }
  }
  return {};
}

std::shared_ptr<const Config> Master::config() const { return now_->config; }

Result<std::shared_ptr<Master::Generation>> Master::make_generation(
    std::shared_ptr<const Config> config) const {
  auto made = std::make_shared<Generation>();
  TRY(made->prepared, prepare(*config));
  TRY_DO(bind_listeners(*config, made->bound));
  made->config = std::move(config);
  return made;
}

Result<Privileges> Master::privileges(const Config& config, const Kind& kind,
                                      const Identity* identity) const {
  Privileges keep;
  keep.no_network = kind.no_network;
  keep.no_files = kind.no_files;
  if (kind.read_only) keep.readable_only = {"/"};
  Calls calls = kind.calls;
  // PAM's modules are the admin's, and may start programs.
  if (kind.user == Kind::User::AuthUser && config.system_users) calls = Calls::RunPrograms;
  keep.no_signals = !has(calls, Calls::RunPrograms);
  if (config.seccomp_filter) keep.calls = calls;
  if (!is_root()) return keep;
  switch (kind.user) {
    case Kind::User::NullUser: {
      TRY(keep.identity, Identity::of_user(config.default_login_user, "default_login_user"));
      break;
    }
    case Kind::User::MailOwner: {
      TRY(keep.identity, Identity::of_user(config.mail_owner, "mail_owner"));
      break;
    }
    case Kind::User::AuthUser: {
      // PAM reads /etc/shadow: root, where system users log in.
      if (config.system_users) break;
      TRY(keep.identity, Identity::of_user(config.auth_user, "auth_user"));
      break;
    }
    case Kind::User::Account: {
      ASSERT(identity != nullptr);
      keep.identity = *identity;
      for (const auto& name : config.mail_access_groups) {
        TRY(auto group, Identity::find_group(name));
        if (group) keep.identity->groups.push_back(*group);
      }
      // Only system users have a spool whose directory the group may write to.
      bool is_system_user =
          identity->name != config.virtual_mail_owner && identity->name != config.default_privs;
      if (is_system_user && config.mail_location.starts_with("mbox:")) {
        TRY(keep.saved_group, Identity::find_group(config.mail_privileged_group));
      }
      break;
    }
  }
  if (kind.no_files) keep.chroot = config.empty_directory;
  return keep;
}

// Processes

Result<void> Master::start(const Kind& kind, const std::string& instance,
                           const Identity* identity) {
  TRY(auto* process, launch(*now_, kind, instance, identity));
  begin(*process);
  return {};
}

/// From now on it is one of the daemon's processes.
void Master::begin(Process& process) {
  process.is_candidate = false;
  link_peers(process);
  process.link->post(control::Begin::type, wire::encode(control::Begin()), {});
}

/// Starts a process that has no peers yet, and does not know whether its configuration counts.
Result<Master::Process*> Master::launch(Generation& from, const Kind& kind,
                                        const std::string& instance, const Identity* identity) {
  TRY(auto keep, privileges(*from.config, kind, identity));
  auto [ours, theirs] = socket_pair();
  auto connections = kind.listens ? connections_.take() : std::nullopt;
  pid_t pid = fork();
  if (pid < 0) {
    if (connections) connections_.give_back(*connections);
    return Error::temporary(std::string("fork: ") + std::strerror(errno));
  }
  if (pid == 0) {
    ours.close();
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
  process.started = std::chrono::steady_clock::now();
  process.is_candidate = true;
  auto link = process.link;
  processes_.push_back(std::move(process));
  // It may have reported already.
  tasks_->start(keep_link(std::move(link)));
  return &processes_.back();
}

void Master::become_child(Generation& from, const Kind& kind, Child::Start begin,
                          const Privileges& keep) {
  // Nothing of the master's is destroyed here but its secrets: its objects stay as they were at the
  // fork, unused.
  if (kind.listens) {
    tickets_->only_read();
  } else {
    forget_server_keys(begin);
  }
  std::vector<int> kept{begin.control.number(), log_sink().descriptor()};
  if (kind.listens) {
    for (auto& bound : from.bound) {
      kept.push_back(bound.descriptor.number());
      begin.listeners.push_back(
          ServiceListener{bound.service, Listener(Descriptor(bound.descriptor.release()))});
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

/// Only who accepts connections needs the private keys of certificates and the keys of tickets.
void Master::forget_server_keys(Child::Start& begin) {
  auto rest = std::make_shared<Prepared>(*begin.prepared);
  rest->tls.clear();
  begin.prepared = std::move(rest);
  // OpenSSL wipes what it frees.
  if (now_) now_->prepared.reset();
  if (trial_ && trial_->next) trial_->next->prepared.reset();
  tickets_->forget();
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

/// The processes that are always there.
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

// Readiness

Task<Result<Done>> Master::note_report(control::Report report, ProcessNumber from) {
  Process* process = find(from);
  if (process == nullptr || process->report) co_return Done();
  const std::string& kind = process->kind->name;
  bool is_refused = process->is_candidate && (!report.serves || !report.problems.empty());
  for (const auto& problem : report.problems) {
    if (process->is_candidate) {
      if (trial_) trial_->refusals.push_back(kind + ": " + problem);
      continue;
    }
    if (!report.serves) log_error("master", kind + ": " + problem);
    report.serves ? tell_problem(kind + ": " + problem) : tell_not_ready(kind + ": " + problem);
  }
  if (is_refused && trial_ && report.problems.empty()) {
    trial_->refusals.push_back(kind + ": can't serve");
  }
  process->report = std::move(report);
  reported_.notify_all();
  if (!is_ready_ && serves_all()) {
    is_ready_ = true;
    notify_manager("READY=1");
  }
  co_return Done();
}

bool Master::serves_all() const {
  return std::ranges::all_of(places(*config()), [&](const Place& place) {
    return std::ranges::any_of(processes_, [&](const Process& process) {
      return process.kind == place.kind && process.instance == place.instance &&
             !process.is_draining && process.report && process.report->serves;
    });
  });
}

/// For whoever started us, until all serve: what hinders one that serves.
void Master::tell_problem(const std::string& text) const {
  if (!is_ready_) notify_manager("STATUS=" + text);
}

/// The same: why one doesn't.
void Master::tell_not_ready(const std::string& text) const {
  if (!is_ready_) notify_manager("STATUS=" + text + "\nERRNO=" + std::to_string(EAGAIN));
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

// Signals

Task<> Master::watch_signals() {
  Poll poll(loop_, signals_.number());
  for (;;) {
    co_await poll.ready(Poll::Event::Readable, SteadyTime::max());
    signalfd_siginfo info{};
    while (read(signals_.number(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) {
        reap();
      } else if (info.ssi_signo == SIGHUP) {
        if (!has_reload_waiting_) tasks_->start(reload());
      } else if (!stopping_) {
        stopping_ = true;
        tasks_->start(stop());
      }
    }
  }
}

Task<> Master::drain_old(std::vector<pid_t> old) {
  Duration longest = config()->reload_drain_max;
  co_await loop_.sleep(longest);
  for (auto& process : processes_) {
    bool is_of_then = process.is_draining && std::ranges::find(old, process.pid) != old.end();
    if (is_of_then) kill(process.pid, SIGKILL);
  }
}

Task<> Master::wait_for_end(bool all) {
  auto is_waited_for = [all](const Process& process) { return all || process.is_draining; };
  while (std::ranges::any_of(processes_, is_waited_for)) co_await child_ended_.wait();
}

Task<> Master::stop() {
  log_info("master", "terminating on signal");
  notify_manager("STOPPING=1");
  drop_trial();
  now_->bound.clear();
  // First those who talk to clients, so that they can still commit; then the rest.
  for (bool all : {false, true}) {
    is_ending_ = all;
    for (auto& process : processes_) {
      bool talks_to_clients = process.kind->listens || process.kind->serves_clients;
      if (process.is_draining || (!all && !talks_to_clients)) continue;
      process.is_draining = true;
      control::Drain message;
      message.is_stop = true;
      message.seconds = drain_time.count();
      process.link->post(control::Drain::type, wire::encode(message), {});
    }
    bool ended = co_await within(loop_, drain_time, wait_for_end(all));
    if (ended) continue;
    for (auto& process : processes_) {
      if (process.is_draining) kill(process.pid, SIGKILL);
    }
    co_await within(loop_, drain_time, wait_for_end(all));
  }
  if (commands_) ::unlink(reload_socket_path(config()->base_dir, spec_.name).c_str());
  loop_.stop();
}

int Master::run() {
  auto fail = [&](const std::string& text, int status) {
    for (auto line : split(text, '\n')) log_fatal("master", line);
    return status;
  };
  auto config = Config::load(options_);
  if (!config) return fail(config.error().text(), exit_configuration);
  auto opened = open_log(options_of_daemon(log_options_of(**config, spec_), spec_.name));
  if (!opened) return fail(opened.error().text(), exit_os_error);
  auto pid_file = PidFile::create((*config)->base_dir, spec_.name);
  if (!pid_file) return fail(pid_file.error().text(), exit_os_error);
  if (auto why = why_not_here(**config, spec_.name)) return fail(*why, exit_configuration);
  auto made = make_generation(*std::move(config));
  if (!made) {
    return fail(made.error().text(),
                made.error().code() == configuration_code ? exit_configuration : exit_os_error);
  }
  now_ = *std::move(made);
  for (const auto& warning : now_->config->warnings()) log_warning("master", warning);
  tzset();
  raise_descriptor_limit();

  sigset_t handled;
  sigemptyset(&handled);
  for (int number : prepared_signals) sigaddset(&handled, number);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = Descriptor(signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC));
  tasks_->start(watch_signals());
  auto lifetime = [this]() -> Duration { return now_->config->tls_session_ticket_lifetime; };
  tasks_->start(change_ticket_keys(loop_, *tickets_, lifetime, reloaded_));
  // What parsing left behind is given back before the children inherit it, copy by copy.
  malloc_trim(0);
  set_process_title(spec_.name + ": master");
  listen_to_commands();
  start_all();
  log_master(spec_.name, "daemon started", options_.directory);
  loop_.on_turn_end([this] { log_keeper_.look(); });
  loop_.run();
  tasks_->cancel();
  log_keeper_.cancel();
  finish_log();
  return 0;
}

}  // namespace pennypost
