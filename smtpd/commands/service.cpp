#include "smtpd/commands/service.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <ostream>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/config/config.h"
#include "common/config/layers.h"
#include "common/net/listener.h"
#include "common/process/pid_file.h"
#include "smtpd/commands/daemons.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/figures.h"
#include "smtpd/commands/host_check.h"
#include "smtpd/commands/master_link.h"
#include "smtpd/commands/newaliases.h"
#include "smtpd/commands/program_path.h"
#include "smtpd/commands/reload.h"
#include "smtpd/commands/stored_check.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

constexpr int start_seconds = 30;
constexpr int stop_seconds = 60;

struct Place {
  std::string directory = "/etc/pennypost";
  std::string base_dir;
  std::shared_ptr<const Config> config;
  std::vector<std::string> daemons;
};

void print_lines(std::ostream& err, const std::string& text) {
  for (auto line : split(text, '\n')) err << line << "\n";
}

std::vector<std::string> daemons_of(const Config& config) {
  std::vector<std::string> daemons;
  for (const auto& [name, services] : all_daemons()) {
    if (!why_not_here(config, services)) daemons.push_back(name);
  }
  return daemons;
}

/// Parses the command line; returns the exit status if it is wrong.
int parse(std::span<const std::string> args, std::ostream& err, Place& place) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] != "-c" || i + 1 == args.size()) {
      err << usage::service << "\n";
      return ex_usage;
    }
    place.directory = args[++i];
  }
  return 0;
}

/// Parses the command line and reads the configuration; returns the exit status if either is wrong.
int prepare(std::span<const std::string> args, std::ostream& err, Place& place) {
  if (int status = parse(args, err, place); status != 0) return status;
  LoadOptions options;
  options.directory = place.directory;
  auto config = Config::load(options);
  if (!config) {
    print_lines(err, config.error().text());
    return ex_config;
  }
  place.config = *std::move(config);
  place.base_dir = place.config->base_dir;
  place.daemons = daemons_of(*place.config);
  return 0;
}

/// The same for stop and status, which must work even if main.toml is wrong: running daemons are
/// found by base_dir only. The daemons are those of the configuration and all others that run.
int prepare_running(std::span<const std::string> args, std::ostream& err, Place& place) {
  if (int status = parse(args, err, place); status != 0) return status;
  LoadOptions options;
  options.directory = place.directory;
  auto config = Config::load(options);
  if (config) {
    place.base_dir = (*config)->base_dir;
    place.daemons = daemons_of(**config);
  } else {
    print_lines(err, config.error().text());
    place.base_dir = Layers::read(options).value("base_dir");
    err << "the configuration is wrong; looking for running daemons in base_dir = "
        << place.base_dir << "\n";
  }
  for (const auto& [name, services] : all_daemons()) {
    bool is_listed = std::ranges::find(place.daemons, name) != place.daemons.end();
    if (!is_listed && (!config || PidFile::running(place.base_dir, name))) {
      place.daemons.emplace_back(name);
    }
  }
  return 0;
}

/// Waits until `is_so` is true; false after `seconds`.
template <class Condition>
bool wait_until(int seconds, Condition is_so) {
  for (int i = 0; i < seconds * 20; ++i) {
    if (is_so()) return true;
    usleep(50'000);
  }
  return is_so();
}

/// A datagram socket on which a daemon that is being started reports READY=1, and problems before
/// that, as to a service manager (sd_notify(3)).
struct Readiness {
  Readiness() : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // An empty name makes the kernel choose one in its abstract space.
    bind(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family);
    socklen_t size = sizeof address;
    getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &size);
    name.assign(address.sun_path, size - offsetof(sockaddr_un, sun_path));
    name[0] = '@';
  }
  /// Reads the reports that have arrived.
  void listen() {
    char bytes[4096];
    for (;;) {
      auto count = recv(socket.number(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (count <= 0) return;
      note({bytes, static_cast<std::size_t>(count)});
    }
  }
  void note(std::string_view state) {
    for (auto line : split(state, '\n')) {
      if (line == "READY=1") is_ready = true;
      if (line.starts_with("STATUS=")) problems.emplace_back(line.substr(line.find('=') + 1));
      if (line.starts_with("ERRNO=")) is_hindered = true;
    }
  }
  Descriptor socket;
  std::string name;
  bool is_ready = false;
  bool is_hindered = false;           // a process can't serve yet; the daemon keeps trying
  std::vector<std::string> problems;  // reasons, also of a process that serves only in part
};

/// A pipe for the daemon's output at its start. The daemon does not inherit our own output: a
/// program that waits for its end (`pennypost start | tee`, ssh) would wait as long as the daemon
/// runs.
class StartOutput {
 public:
  StartOutput() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    reading_ = Descriptor(ends[0]);
    writing_ = Descriptor(ends[1]);
    fcntl(reading_.number(), F_SETFL, O_NONBLOCK);
  }
  /// Called in the child process.
  void take_output() const {
    int to = writing_ ? writing_.number() : open("/dev/null", O_WRONLY);
    dup2(to, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
  }
  void pass_on(std::ostream& err) {
    writing_.close();
    char bytes[4096];
    for (;;) {
      auto count = read(reading_.number(), bytes, sizeof bytes);
      if (count <= 0) return;
      err.write(bytes, count);
    }
  }

 private:
  Descriptor reading_;
  Descriptor writing_;
};

enum class Started { Serves, Runs, Not };

/// Starts one daemon in a new session. Serves: each of its processes does, without a problem.
Started start_daemon(const Place& place, const std::string& name, std::ostream& err) {
  Readiness readiness;
  StartOutput output;
  std::string program = program_beside_us(name);
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    output.take_output();
    setenv("NOTIFY_SOCKET", readiness.name.c_str(), 1);
    execl(program.c_str(), name.c_str(), "-c", place.directory.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  bool has_ended = false;
  wait_until(start_seconds, [&] {
    has_ended = waitpid(pid, &status, WNOHANG) == pid;
    readiness.listen();
    output.pass_on(err);
    return has_ended || readiness.is_ready || readiness.is_hindered;
  });
  for (const auto& problem : readiness.problems) err << name << ": " << problem << "\n";
  if (readiness.is_ready && readiness.problems.empty()) return Started::Serves;
  if (readiness.is_ready) {
    err << name << ": serves only in part\n";
  } else if (!has_ended && readiness.is_hindered) {
    err << name << ": runs, but can't serve yet and keeps trying; see the log\n";
  } else if (has_ended) {
    bool was_missing = WIFEXITED(status) && WEXITSTATUS(status) == 127;
    err << name << ": " << (was_missing ? "can't run " + program : "ended while starting")
        << "; see the log\n";
  } else {
    err << name << ": not ready after " << start_seconds << " seconds; see the log\n";
  }
  return has_ended ? Started::Not : Started::Runs;
}

CheckedHost checked(const Place& place) { return {place.directory, place.daemons, place.config}; }

}  // namespace

int check_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  Place place;
  std::vector<std::string> others(args.begin(), args.end());
  const bool is_of_stored = std::erase(others, "--stored") > 0;
  int status = prepare(others, err, place);
  if (status != 0) return status;
  if (is_of_stored) return check_stored(place.config, out, err);
  for (const auto& warning : place.config->warnings()) err << "warning: " << warning << "\n";
  auto problems = find_problems(checked(place));
  for (auto& problem : find_install_problems(checked(place))) {
    problems.push_back(std::move(problem));
  }
  for (const auto& problem : problems) err << problem << "\n";
  if (!problems.empty()) return ex_config;
  out << place.directory << ": all is well\n";
  return 0;
}

int start_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  Place place;
  int status = prepare(args, err, place);
  if (status != 0) return status;
  if (!build_stale_aliases(*place.config, out, err)) status = 1;
  for (const auto& name : place.daemons) {
    auto pid = PidFile::running(place.config->base_dir, name);
    if (pid) {
      out << name << ": already runs, as process " << *pid << "\n";
      continue;
    }
    auto started = start_daemon(place, name, err);
    if (started != Started::Serves) status = 1;
    if (started == Started::Not) continue;
    pid = PidFile::running(place.config->base_dir, name);
    out << name << ": started, as process " << pid.value_or(0) << "\n";
  }
  return status;
}

namespace {

/// Sends `signal` to each daemon that runs, and waits for its end.
int end_daemons(std::span<const std::string> args, int signal, std::ostream& out,
                std::ostream& err) {
  Place place;
  int status = prepare_running(args, err, place);
  if (status != 0) return status;
  for (const auto& name : place.daemons) {
    auto pid = PidFile::running(place.base_dir, name);
    if (!pid) {
      out << name << ": does not run\n";
      continue;
    }
    if (kill(*pid, signal) != 0) {
      err << name << ": process " << *pid << " can't be stopped: " << std::strerror(errno) << "\n";
      status = 1;
      continue;
    }
    bool has_ended = wait_until(
        stop_seconds, [&] { return !PidFile::running(place.base_dir, name).has_value(); });
    if (!has_ended) status = 1;
    (has_ended ? out : err) << name << (has_ended ? ": stopped\n" : ": still running\n");
  }
  return status;
}

}  // namespace

int stop_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return end_daemons(args, SIGTERM, out, err);
}

// The processes of a daemon end with its master.
int abort_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return end_daemons(args, SIGKILL, out, err);
}

namespace {

/// Waits for the end of a daemon that the new configuration does not include; false if it goes on.
bool has_ended(const Place& place, const std::string& name) {
  return wait_until(stop_seconds,
                    [&] { return !PidFile::running(place.config->base_dir, name).has_value(); });
}

int refuse_reload(const std::vector<ReloadAnswer>& answers, std::ostream& err) {
  for (const auto& [daemon, result] : answers) {
    if (result) continue;
    for (auto line : split(result.error().text(), '\n')) err << daemon << ": " << line << "\n";
  }
  err << "not reloaded: all daemons go on as before\n";
  return 1;
}

}  // namespace

int reload_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  Place place;
  int status = prepare(args, err, place);
  if (status != 0) {
    err << "not reloaded: all daemons go on as before\n";
    return status == ex_usage ? status : 1;
  }
  auto problems = find_problems(checked(place));
  for (const auto& problem : problems) err << problem << "\n";
  if (!problems.empty()) {
    err << "not reloaded: all daemons go on as before\n";
    return 1;
  }
  auto running = running_daemons(place.config->base_dir);
  auto answers = reload_daemons(place.config->base_dir, running);
  if (!is_all_taken(answers)) return refuse_reload(answers, err);
  for (const auto& name : running) {
    bool is_wanted = std::ranges::find(place.daemons, name) != place.daemons.end();
    if (is_wanted) {
      out << name << ": reloaded\n";
    } else if (has_ended(place, name)) {
      out << name << ": stopped; it is no longer configured\n";
    } else {
      err << name << ": still running\n";
      status = 1;
    }
  }
  for (const auto& name : place.daemons) {
    if (std::ranges::find(running, name) != running.end()) continue;
    err << name << ": does not run; start it with: pennypost start\n";
    status = 1;
  }
  return status;
}

int status_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  std::vector<std::string> rest(args.begin(), args.end());
  bool shows_figures = std::erase(rest, "--metrics") > 0;
  Place place;
  int status = prepare_running(rest, err, place);
  if (status != 0) return status;
  if (shows_figures) return print_figures(place.base_dir, out, err);
  for (const auto& name : place.daemons) {
    auto pid = PidFile::running(place.base_dir, name);
    if (pid) {
      out << name << ": runs, as process " << *pid << "\n";
    } else {
      out << name << ": does not run\n";
      status = ex_not_running;
    }
  }
  return status;
}

}  // namespace pennypost::smtp
