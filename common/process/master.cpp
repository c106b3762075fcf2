#include "common/process/master.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/log/log.h"
#include "common/process/control.h"
#include "common/process/descriptor_limit.h"
#include "common/process/master_process.h"
#include "common/process/notify.h"
#include "common/process/pid_file.h"
#include "common/process/reload.h"
#include "common/process/title.h"
#include "common/tls/ticket_rotation.h"

namespace pennypost {
namespace {

constexpr std::chrono::seconds drain_time{10};  // for each half of a stop
constexpr int prepared_signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};

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
  serve_traces();
}

Master::~Master() = default;

const Kind& Master::kind_named(const std::string& name) const {
  auto found = std::ranges::find(spec_.kinds, name, &Kind::name);
  ASSERT(found != spec_.kinds.end());
  return *found;
}

std::shared_ptr<const Config> Master::config() const { return now_->config; }

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
  remove_sockets(*now_, nullptr);
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
  ::unlink(metrics::figures_path(config()->base_dir, spec_.name).c_str());
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
  auto opened = open_log(log_options_of(**config, spec_));
  if (!opened) return fail(opened.error().text(), exit_os_error);
  auto pid_file = PidFile::create((*config)->base_dir, spec_.name);
  if (!pid_file) return fail(pid_file.error().text(), exit_os_error);
  if (auto why = why_not_here(**config, spec_.services)) return fail(*why, exit_configuration);
  auto made = make_generation(*std::move(config));
  if (!made) {
    return fail(made.error().text(),
                made.error().code() == configuration_code ? exit_configuration : exit_os_error);
  }
  now_ = *std::move(made);
  for (const auto& warning : now_->warnings) log_warning("master", warning);
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
  tasks_->start(watch_certificates());
  // What parsing left behind is given back before the children inherit it, copy by copy.
  malloc_trim(0);
  set_process_title(spec_.name + ": master");
  auto counting = figures_.make(now_->config->base_dir, spec_.name);
  if (!counting) log_warning("master", "there will be no figures: " + counting.error().text());
  tell_certificates();
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
