// Brings a new configuration into force in all processes of a daemon, or in none.
//
// Members of Master. There are two steps. In the first, the master reads the file, loads
// certificates and binds ports; the kinds that live on load and open what they need in addition to
// what they have; for every other kind new processes are started, which have no peers yet and
// accept nothing. If all of them can serve, nothing can fail in the second step: those that live on
// switch, the old processes drain, the new ones begin. If one can't, the new processes end, and
// nothing has changed.
//
// SIGHUP does both steps. `pennypost reload` asks every daemon for the first step, and for the
// second only if all of them succeeded.
//
// `pennypost reload` is answered when every process that lives on uses the new configuration, so
// that the next command's requests are served with it. The successors of other processes accept
// nothing before.
//
// LIMITS  a process has trial_time_max to answer, a command held_time_max to commit; a process that
//         has not switched within taking_time_max is not waited for
//
// SEE ALSO   reload.h, control.h, child.h
#include "common/process/reload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/process/control.h"
#include "common/process/master.h"
#include "common/process/master_process.h"

namespace pennypost {
namespace {

constexpr std::chrono::seconds trial_time_max{30};
constexpr std::chrono::seconds held_time_max{60};
constexpr std::chrono::seconds taking_time_max{5};
constexpr std::size_t commands_max = 8;  // connections

/// Checks settings that can't change while a daemon runs.
Result<void> check_fixed(const Config& before, const Config& after) {
  for (const char* name : {"base_dir", "queue_directory"}) {
    if (before.text(name) == after.text(name)) continue;
    return Error::permanent(after.where(name) + ": " + name + ": is " + before.text(name) +
                            " as long as the daemon runs; stop it, move what is there, and start "
                            "it again");
  }
  return {};
}

struct Question {
  std::shared_ptr<Link> link;
  std::string kind;
  bool is_on_demand = false;
  std::optional<Result<void>> answer = {};
};

Task<> ask(Question& question, const std::string& config) {
  control::TryConfig request;
  request.config = config;
  auto work = question.link->call(control::TryConfig::type, wire::encode(request), {});
  auto reply = co_await std::move(work);
  question.answer = reply ? Result<void>() : Result<void>(std::move(reply).error());
}

/// Why the process can't serve; empty if it can, or was about to end anyway.
std::string refusal_of(const Question& question) {
  if (question.answer && *question.answer) return "";
  bool has_gone = !question.link->is_up();
  if (has_gone && question.is_on_demand) return "";
  if (has_gone) return question.kind + ": ended while it was asked; see the log";
  if (!question.answer) {
    return question.kind + ": no answer within " + std::to_string(trial_time_max.count()) +
           " seconds";
  }
  return question.kind + ": " + question.answer->error().text();
}

void let_take(Link& link) {
  std::vector<Descriptor> log_file;
  int number = log_sink().descriptor();
  if (number >= 0) log_file.emplace_back(fcntl(number, F_DUPFD_CLOEXEC, 3));
  link.post(control::TakeConfig::type, wire::encode(control::TakeConfig()), std::move(log_file));
}

/// Returns when the process has received everything sent to it before, or has gone.
Task<> hear_from(std::shared_ptr<Link> link) {
  auto work = link->call(control::AskIdleness::type, wire::encode(control::AskIdleness()), {});
  [[maybe_unused]] auto answer = co_await std::move(work);
}

/// Does both steps at once for a process that was not there at the first. If it can't take the
/// configuration it ends, and is started again if needed.
Task<> catch_up(std::shared_ptr<Link> link, std::string kind, std::string config) {
  Question question{link, kind};
  auto asking = ask(question, config);
  co_await std::move(asking);
  if (question.answer && *question.answer) co_return let_take(*link);
  log_error("master", "reload: " + refusal_of(question));
  link->post(control::Drain::type, wire::encode(control::Drain()), {});
}

}  // namespace

LogOptions log_options_of(const Config& config, const DaemonSpec& spec) {
  LogOptions options;
  options.syslog_name =
      spec.logs_as_service ? config.at(spec.services.front()).syslog_name : config.syslog_name;
  options.syslog_facility = config.syslog_facility;
  options.maillog_file = config.maillog_file;
  options.log_format = config.log_format;
  return spec.logs_as_service ? in_dovecot_form(std::move(options)) : options;
}

// The first step

/// Whether all can serve with the configuration that is in the file now. If they can,
/// commit_trial() or drop_trial() must follow.
Task<Result<void>> Master::try_config(ProcessNumber owner, std::shared_ptr<const Config> same) {
  if (stopping_) co_return Error::temporary("the daemon is shutting down");
  if (trial_) co_return Error::temporary("another reload is under way");
  trial_ = std::make_unique<Trial>();
  trial_->owner = owner;
  trial_->number = ++last_trial_;
  auto work = prepare_trial(std::move(same));
  auto prepared = co_await std::move(work);
  if (!trial_) co_return Error::temporary("the daemon is shutting down");
  trial_->is_held = prepared.has_value();
  if (!prepared) drop_trial();
  co_return std::move(prepared);
}

Task<Result<void>> Master::prepare_trial(std::shared_ptr<const Config> config) {
  if (config == nullptr) {
    CO_TRY(config, Config::load(options_));
  }
  CO_TRY_DO(check_fixed(*now_->config, *config));
  if (why_not_here(*config, spec_.services)) {
    trial_->is_end = true;
    co_return Result<void>();
  }
  CO_TRY(trial_->next, make_generation(std::move(config)));
  auto asking = ask_living();
  CO_TRY_DO(co_await std::move(asking));
  auto starting = start_candidates();
  co_return co_await std::move(starting);
}

Task<Result<void>> Master::ask_living() {
  std::string text = trial_->next->config->to_text();
  std::list<Question> questions;
  {
    Nursery asking(loop_);
    for (auto& process : processes_) {
      if (process.is_draining || process.is_candidate || !process.kind->lives_on) continue;
      bool is_on_demand = process.kind->number == Kind::Number::OnDemand;
      questions.push_back({process.link, process.port_name(), is_on_demand});
      asking.start(ask(questions.back(), text));
    }
    co_await within(loop_, trial_time_max, asking.join());
  }
  if (!trial_) co_return Error::temporary("the daemon is shutting down");
  std::vector<std::string> refusals;
  for (const auto& question : questions) {
    auto refusal = refusal_of(question);
    if (!refusal.empty()) refusals.push_back(std::move(refusal));
    if (question.answer && *question.answer) trial_->agreed.push_back(question.link->peer());
  }
  if (!refusals.empty()) co_return Error::permanent(join(refusals, "\n"));
  co_return Result<void>();
}

Task<Result<void>> Master::start_candidates() {
  for (const auto& [kind, instance] : places(*trial_->next->config)) {
    if (kind->lives_on) continue;
    auto launched = launch(*trial_->next, *kind, instance, nullptr);
    if (!launched) co_return Error::permanent(kind->name + ": " + launched.error().text());
  }
  bool have_reported = co_await within(loop_, trial_time_max, wait_for_candidates());
  if (!trial_) co_return Error::temporary("the daemon is shutting down");
  auto& refusals = trial_->refusals;
  if (!have_reported) refusals.emplace_back("a new process is not ready; see the log");
  std::ranges::sort(refusals);
  refusals.erase(std::unique(refusals.begin(), refusals.end()), refusals.end());
  if (!refusals.empty()) co_return Error::permanent(join(refusals, "\n"));
  co_return Result<void>();
}

/// Waits until each has reported whether it can serve, or one that it can't.
Task<> Master::wait_for_candidates() {
  auto is_awaited = [](const Process& process) { return process.is_candidate && !process.report; };
  while (trial_ && trial_->refusals.empty() && std::ranges::any_of(processes_, is_awaited)) {
    co_await reported_.wait();
  }
}

// The second step

void Master::commit_trial() {
  auto trial = std::move(trial_);
  reported_.notify_all();
  log_master(spec_.name, "reload", options_.directory);
  if (trial->is_end) {
    log_info("master", "the configuration no longer needs " + spec_.name + ": ending");
    stopping_ = true;
    tasks_->start(stop());
    return;
  }
  auto before = std::exchange(now_, std::move(trial->next));
  remove_sockets(*before, now_.get());
  const Config& config = *now_->config;
  for (const auto& warning : now_->warnings) log_warning("master", warning);
  if (log_options_of(config, spec_) != log_options_of(*before->config, spec_)) {
    log_warning(
        "master",
        "maillog_file, log_format, syslog_name and syslog_facility change with the next start, not "
        "with a reload");
  }
  auto reopened = log_sink().reopen();
  if (!reopened) log_error("master", reopened.error().text());
  std::vector<pid_t> old;
  std::string text = config.to_text();
  for (auto& process : processes_) {
    if (process.is_draining || process.is_candidate) continue;
    process.is_replaced = process.kind->lives_on && needs_other_rights(process, *before->config);
    if (process.kind->lives_on && !process.is_replaced) {
      bool has_tried =
          std::ranges::find(trial->agreed, process.link->peer()) != trial->agreed.end();
      give_config(process, has_tried ? "" : text);
      continue;
    }
    process.is_draining = true;
    control::Drain message;
    message.seconds = static_cast<std::uint32_t>(config.reload_drain_max.count());
    process.link->post(control::Drain::type, wire::encode(message), {});
    old.push_back(process.pid);
  }
  for (const auto& [kind, instance] : places(config)) {
    auto candidate = std::ranges::find_if(processes_, [&, &of = kind, &name = instance](auto& one) {
      return one.is_candidate && one.kind == of && one.instance == name;
    });
    if (candidate != processes_.end()) {
      begin(*candidate);
    } else if (!kind->lives_on) {
      tasks_->start(restart_later(kind->name, instance));
    }
  }
  tasks_->start(drain_old(std::move(old)));
  tell_certificates();
  reloaded_.notify_all();
}

/// `text` is the configuration, for a process that was started after the others were asked; else
/// empty.
void Master::give_config(Process& process, const std::string& text) {
  if (text.empty()) {
    let_take(*process.link);
  } else {
    tasks_->start(let_catch_up(process.link, process.kind->name, text));
  }
}

Task<> Master::let_catch_up(std::shared_ptr<Link> link, std::string kind, std::string text) {
  ++catching_up_;
  auto work = catch_up(std::move(link), std::move(kind), std::move(text));
  co_await std::move(work);
  --catching_up_;
  caught_up_.notify_all();
}

/// Waits until all processes that live on use the current configuration. AskIdleness changes
/// nothing, and is answered after TakeConfig.
Task<> Master::wait_until_taken() {
  while (catching_up_ > 0) co_await caught_up_.wait();
  Nursery asking(loop_);
  for (const auto& process : processes_) {
    if (process.kind->lives_on && !process.is_draining) asking.start(hear_from(process.link));
  }
  co_await asking.join();
}

/// A running process can't change its user or groups, nor make more system calls, so a worker whose
/// account or settings ask for others now must be replaced.
bool Master::needs_other_rights(const Process& process, const Config& before) const {
  if (process.kind->user != Kind::User::Account) return false;
  if (is_root() && !process.identity) return false;
  const auto* identity = process.identity ? &*process.identity : nullptr;
  auto old_rights = privileges(before, *process.kind, identity);
  auto new_rights = privileges(*config(), *process.kind, identity);
  return old_rights && new_rights && *old_rights != *new_rights;
}

void Master::drop_trial() {
  if (!trial_) return;
  auto trial = std::move(trial_);
  if (trial->next) remove_sockets(*trial->next, now_.get());
  for (auto& process : processes_) {
    if (process.is_draining) continue;
    if (process.is_candidate) {
      process.is_draining = true;
      control::Drain message;
      process.link->post(control::Drain::type, wire::encode(message), {});
    } else if (std::ranges::find(trial->agreed, process.link->peer()) != trial->agreed.end()) {
      process.link->post(control::DropConfig::type, wire::encode(control::DropConfig()), {});
    }
  }
  reported_.notify_all();
}

// Requests

/// Reloads after SIGHUP.
Task<> Master::reload() {
  has_reload_waiting_ = true;
  while (trial_) co_await reported_.wait();
  has_reload_waiting_ = false;
  if (stopping_) co_return;
  auto work = try_config(master_process);
  auto tried = co_await std::move(work);
  if (tried) co_return commit_trial();
  for (auto line : split(tried.error().text(), '\n')) {
    log_error("master", "reload: " + std::string(line));
  }
  log_error("master", "reload: the configuration is wrong; the old one stays in force");
}

void Master::serve_reload() {
  command_services_.on<control::TryReload>(
      [this](control::TryReload, std::vector<Descriptor>, ProcessNumber from) {
        return try_for_command(from);
      });
  command_services_.on<control::CommitReload>(
      [this](control::CommitReload, std::vector<Descriptor>, ProcessNumber from) {
        return commit_for_command(from);
      });
}

void Master::listen_to_commands() {
  auto listening = listen_unix(reload_socket_path(config()->base_dir, spec_.name), 0600);
  if (!listening) {
    log_error("master", listening.error().text() + "; pennypost reload does not work, SIGHUP does");
    return;
  }
  commands_ = std::make_unique<Listener>(*std::move(listening));
  tasks_->start(accept_commands());
}

Task<> Master::accept_commands() {
  Nursery serving(loop_);
  for (;;) {
    auto socket = co_await commands_->accept(loop_);
    if (serving.size() < commands_max) serving.start(serve_command(socket->release()));
    co_await loop_.yield();
  }
}

Task<> Master::serve_command(Descriptor socket) {
  ProcessNumber number(++last_process_);
  {
    Link link(loop_, std::move(socket), command_services_, number);
    co_await link.run();
  }
  if (trial_ && trial_->owner == number) drop_trial();
  end_trace(number);
}

Task<Result<Done>> Master::try_for_command(ProcessNumber from) {
  auto work = try_config(from);
  CO_TRY_DO(co_await std::move(work));
  tasks_->start(drop_late(trial_->number));
  co_return Done();
}

Task<Result<Done>> Master::commit_for_command(ProcessNumber from) {
  if (!trial_ || trial_->owner != from || !trial_->is_held) {
    co_return Error::temporary("no configuration was tried before");
  }
  commit_trial();
  if (stopping_) co_return Done();
  auto waiting = within(loop_, taking_time_max, wait_until_taken());
  bool have_taken = co_await std::move(waiting);
  if (!have_taken) {
    log_warning("master", "reload: a process is busy, and takes the new configuration later");
  }
  co_return Done();
}

/// A command that neither commits nor disconnects must not block other reloads.
Task<> Master::drop_late(std::uint64_t number) {
  co_await loop_.sleep(held_time_max);
  if (trial_ && trial_->number == number) drop_trial();
}

}  // namespace pennypost
