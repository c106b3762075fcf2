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

LogOptions log_options(const Config& config) {
  LogOptions options;
  options.syslog_name = config.syslog_name;
  options.syslog_facility = config.syslog_facility;
  options.maillog_file = config.maillog_file;
  return options;
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

struct Master::Bound {
  Service service;
  Endpoint endpoint;
  Descriptor descriptor;
};

Master::Master(Loop& loop, DaemonSpec spec, LoadOptions options)
    : loop_(loop),
      spec_(std::move(spec)),
      options_(std::move(options)),
      child_ended_(loop),
      reloaded_(loop),
      tickets_(TicketKeys::create()),
      tasks_(std::make_unique<Nursery>(loop)) {
  options_.program = spec_.name;
  for (const auto& kind : spec_.kinds) {
    auto services = std::make_unique<Services>();
    if (kind.asks_master) kind.asks_master(*this, *services);
    services_[kind.name] = std::move(services);
  }
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
  std::map<std::string, std::shared_ptr<TlsContext>> made;
  for (Service service : spec_.services) {
    const auto& settings = config.at(service);
    bool is_smtp = spec_.name == "smtpd";
    TlsContext::ServerSettings tls;
    tls.certificate_file = is_smtp ? settings.smtpd_tls_cert_file : settings.ssl_cert;
    tls.key_file = is_smtp ? settings.smtpd_tls_key_file : settings.ssl_key;
    tls.minimum_protocol = is_smtp ? settings.smtpd_tls_protocols : settings.ssl_min_protocol;
    if (is_smtp && (settings.smtpd_tls_security_level == "encrypt" || is_implicit_tls(service))) {
      tls.minimum_protocol = settings.smtpd_tls_mandatory_protocols;
    }
    if (tls.minimum_protocol.starts_with(">=")) tls.minimum_protocol.erase(0, 2);
    if (!is_smtp) tls.cipher_list = settings.ssl_cipher_list;
    tls.tickets = tickets_;
    tls.ticket_lifetime = config.tls_session_ticket_lifetime;
    bool is_off = is_smtp ? settings.smtpd_tls_security_level == "none" : settings.ssl == "no";
    if (tls.certificate_file.empty() || (is_off && !is_implicit_tls(service))) continue;
    // Services with the same settings share a context.
    std::string key = tls.certificate_file + '\n' + tls.key_file + '\n' + tls.minimum_protocol +
                      '\n' + tls.cipher_list;
    auto& context = made[key];
    if (!context) {
      TRY(context, TlsContext::server(tls));
    }
    prepared->tls[service] = context;
  }
  const std::string& level = config.smtp_tls_security_level;
  bool verifies = level == "verify" || level == "secure" || !config.smtp_tls_policy_maps.empty();
  if (spec_.name == "smtpd" && verifies) {
    TlsContext::ClientSettings client;
    client.verify = true;
    client.ca_file = config.smtp_tls_CAfile;
    client.ca_path = config.smtp_tls_CApath;
    client.minimum_protocol = config.smtp_tls_mandatory_protocols;
    if (client.minimum_protocol.starts_with(">=")) client.minimum_protocol.erase(0, 2);
    TRY(prepared->verifying_client, TlsContext::client(client));
  }
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) {
    prepared->files[path] = read_small_file(path);
  }
  TlsContext::prepare_for_chroot();
  return std::shared_ptr<const Prepared>(std::move(prepared));
}

Result<void> Master::bind_listeners(const Config& config, std::list<Bound>& bound) {
  for (Service service : spec_.services) {
    auto port = static_cast<std::uint16_t>(config.port(service));
    if (port == 0) continue;
    const auto& settings = config.at(service);
    TRY(auto addresses, listen_addresses(settings.inet_interfaces, config.inet_protocols));
    std::size_t count = 0;
    for (const auto& [address, is_implied] : addresses) {
      Endpoint endpoint(address, port);
      auto old = std::ranges::find_if(bound_, [&](const Bound& entry) {
        return entry.service == service && entry.endpoint == endpoint && entry.descriptor;
      });
      if (old != bound_.end()) {
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

Result<void> Master::load(std::shared_ptr<const Config> config) {
  TRY(auto prepared, prepare(*config));
  std::list<Bound> bound;
  TRY_DO(bind_listeners(*config, bound));
  config_ = std::move(config);
  prepared_ = std::move(prepared);
  bound_ = std::move(bound);
  return {};
}

Result<Privileges> Master::privileges(const Kind& kind, const Identity* identity) const {
  Privileges keep;
  keep.no_network = kind.no_network;
  keep.no_files = kind.no_files;
  if (kind.read_only) keep.readable_only = {"/"};
  Calls calls = kind.calls;
  // PAM's modules are the admin's, and may start programs.
  if (kind.user == Kind::User::AuthUser && config_->system_users) calls = Calls::RunPrograms;
  keep.no_signals = !has(calls, Calls::RunPrograms);
  if (config_->seccomp_filter) keep.calls = calls;
  if (!is_root()) return keep;
  switch (kind.user) {
    case Kind::User::NullUser: {
      TRY(keep.identity, Identity::of_user(config_->default_login_user, "default_login_user"));
      break;
    }
    case Kind::User::MailOwner: {
      TRY(keep.identity, Identity::of_user(config_->mail_owner, "mail_owner"));
      break;
    }
    case Kind::User::AuthUser: {
      // PAM reads /etc/shadow: root, where system users log in.
      if (config_->system_users) break;
      TRY(keep.identity, Identity::of_user(config_->auth_user, "auth_user"));
      break;
    }
    case Kind::User::Account: {
      ASSERT(identity != nullptr);
      keep.identity = *identity;
      for (const auto& name : config_->mail_access_groups) {
        TRY(auto group, Identity::find_group(name));
        if (group) keep.identity->groups.push_back(*group);
      }
      // Only system users have a spool whose directory the group may write to.
      bool is_system_user =
          identity->name != config_->virtual_mail_owner && identity->name != config_->default_privs;
      if (is_system_user && config_->mail_location.starts_with("mbox:")) {
        TRY(keep.saved_group, Identity::find_group(config_->mail_privileged_group));
      }
      break;
    }
  }
  if (kind.no_files) keep.chroot = config_->empty_directory;
  return keep;
}

// Processes

Result<void> Master::start(const Kind& kind, const std::string& instance,
                           const Identity* identity) {
  TRY(auto keep, privileges(kind, identity));
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
    begin.config = config_;
    begin.prepared = prepared_;
    begin.control = std::move(theirs);
    if (kind.listens) {
      begin.connections = std::make_unique<ConnectionCounts>(&connections_, connections);
    } else {
      connections_.unmap();
    }
    become_child(kind, std::move(begin), keep);
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
  tasks_->start(keep_link(process.link));
  processes_.push_back(std::move(process));
  link_peers(processes_.back());
  return {};
}

void Master::become_child(const Kind& kind, Child::Start begin, const Privileges& keep) {
  // Nothing of the master's is destroyed here but its secrets: its objects stay as they were at the
  // fork, unused.
  if (kind.listens) {
    tickets_->only_read();
  } else {
    forget_server_keys(begin);
  }
  std::vector<int> kept{begin.control.number(), log_sink().descriptor()};
  if (kind.listens) {
    for (auto& bound : bound_) {
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
  prepared_.reset();  // OpenSSL wipes what it frees
  tickets_->forget();
}

void Master::link_peers(Process& process) {
  auto names = [](const Kind& kind, const Kind& other) {
    return std::ranges::find(kind.peers, other.name) != kind.peers.end();
  };
  for (auto& other : processes_) {
    if (&other == &process || other.is_draining || !other.link->is_up()) continue;
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

void Master::start_all(bool only_restarted) {
  unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
  for (const auto& kind : spec_.kinds) {
    if (kind.number == Kind::Number::OnDemand || (only_restarted && kind.lives_on)) continue;
    if (kind.is_wanted && !kind.is_wanted(*config_)) continue;
    unsigned count = number_of(kind, cores);
    for (unsigned i = 0; i < count; ++i) {
      auto started = start(kind, std::to_string(i), nullptr);
      if (!started) {
        log_error("master", kind.name + ": " + started.error().text());
        tasks_->start(restart_later(kind.name, std::to_string(i)));
      }
    }
  }
}

void Master::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    auto ended = std::ranges::find(processes_, pid, &Process::pid);
    if (ended == processes_.end()) continue;
    bool was_expected = ended->is_draining || stopping_;
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
    if (!is_on_demand) tasks_->start(restart_later(kind, instance));
  }
  child_ended_.notify_all();
}

Task<> Master::restart_later(std::string kind, std::string instance) {
  int crashes = crashes_[kind + ":" + instance]++;
  Duration longest = config_->restart_backoff_max;
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
        reload();
      } else if (!stopping_) {
        stopping_ = true;
        tasks_->start(stop());
      }
    }
  }
}

void Master::reload() {
  if (stopping_) return;
  auto before = config_;
  auto config = Config::load(options_);
  auto loaded = config ? load(*std::move(config)) : Result<void>(std::move(config).error());
  if (!loaded) {
    for (auto line : split(loaded.error().text(), '\n')) {
      log_error("master", "reload: " + std::string(line));
    }
    log_error("master", "reload: the configuration is wrong; going on with the one before");
    return;
  }
  for (const auto& warning : config_->warnings()) log_warning("master", warning);
  if (log_options(*config_) != log_options(*before)) {
    log_warning(
        "master",
        "maillog_file, syslog_name and syslog_facility change with the next start, not with a "
        "reload");
  }
  auto reopened = log_sink().reopen();
  if (!reopened) log_error("master", reopened.error().text());
  log_master(spec_.name, "reload", options_.directory);
  std::vector<pid_t> old;
  for (auto& process : processes_) {
    if (process.is_draining) continue;
    if (process.kind->lives_on) {
      control::Reload message;
      message.config = config_->to_text();
      std::vector<Descriptor> log_file;
      int number = log_sink().descriptor();
      if (number >= 0) log_file.emplace_back(fcntl(number, F_DUPFD_CLOEXEC, 3));
      process.link->post(control::Reload::type, wire::encode(message), std::move(log_file));
    } else {
      process.is_draining = true;
      control::Drain message;
      message.seconds = static_cast<std::uint32_t>(config_->reload_drain_max.count());
      process.link->post(control::Drain::type, wire::encode(message), {});
      old.push_back(process.pid);
    }
  }
  start_all(true);
  tasks_->start(drain_old(std::move(old)));
  reloaded_.notify_all();
}

Task<> Master::drain_old(std::vector<pid_t> old) {
  Duration longest = config_->reload_drain_max;
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
  bound_.clear();
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
  loop_.stop();
}

int Master::run() {
  auto fail = [&](const std::string& text, int status) {
    for (auto line : split(text, '\n')) log_fatal("master", line);
    return status;
  };
  auto config = Config::load(options_);
  if (!config) return fail(config.error().text(), exit_configuration);
  auto opened = open_log(options_of_daemon(log_options(**config), spec_.name));
  if (!opened) return fail(opened.error().text(), exit_os_error);
  auto pid_file = PidFile::create((*config)->base_dir, spec_.name);
  if (!pid_file) return fail(pid_file.error().text(), exit_os_error);
  auto loaded = load(*std::move(config));
  if (!loaded) {
    return fail(loaded.error().text(),
                loaded.error().code() == configuration_code ? exit_configuration : exit_os_error);
  }
  for (const auto& warning : config_->warnings()) log_warning("master", warning);
  tzset();
  raise_descriptor_limit();

  sigset_t handled;
  sigemptyset(&handled);
  for (int number : prepared_signals) sigaddset(&handled, number);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = Descriptor(signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC));
  tasks_->start(watch_signals());
  auto lifetime = [this]() -> Duration { return config_->tls_session_ticket_lifetime; };
  tasks_->start(change_ticket_keys(loop_, *tickets_, lifetime, reloaded_));
  // What parsing left behind is given back before the children inherit it, copy by copy.
  malloc_trim(0);
  set_process_title(spec_.name + ": master");
  start_all(false);
  log_master(spec_.name, "daemon started", options_.directory);
  notify_manager("READY=1");
  loop_.run();
  tasks_->cancel();
  return 0;
}

}  // namespace pennypost
