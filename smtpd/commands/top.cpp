#include "smtpd/commands/top.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <iostream>
#include <thread>

#include "common/metrics/reading.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/figures.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/top_table.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

using metrics::Metric;

constexpr std::chrono::milliseconds refresh_time{2000};
constexpr std::chrono::milliseconds once_time{1000};
constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";
constexpr char end_of_text = 3;  // Ctrl-C

/// The terminal gives single keys, without showing them, as long as this lives.
class SingleKeys {
 public:
  SingleKeys() {
    is_terminal_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_terminal_) return;
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
  ~SingleKeys() {
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  SingleKeys(const SingleKeys&) = delete;
  SingleKeys& operator=(const SingleKeys&) = delete;

  /// Waits; true if the user wants to end.
  bool wait_for_end(std::chrono::milliseconds time) const {
    if (!is_terminal_) {
      std::this_thread::sleep_for(time);
      return false;
    }
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, static_cast<int>(time.count())) <= 0) return false;
    char key = 0;
    auto count = ::read(STDIN_FILENO, &key, 1);
    return count <= 0 || key == 'q' || key == 'Q' || key == end_of_text;
  }

 private:
  termios before_{};
  bool is_terminal_ = false;
};

TopLook look(const std::string& base_dir, std::ostream& err) {
  TopLook seen;
  for (const auto& [name, view] : figures_of_host(base_dir, err)) {
    const auto& page = view.page();
    TopLook::Daemon daemon;
    daemon.name = name;
    daemon.seconds_up = std::time(nullptr) - page.started;
    daemon.sessions = read_gauge(page, Metric::sessions);
    daemon.connections = read_counter(page, Metric::connections);
    daemon.logins = read_counter(page, Metric::logins, "success");
    daemon.failed_logins = read_counter(page, Metric::logins, "failure");
    auto processes = read_processes(page);
    daemon.processes = processes.count;
    daemon.resident_bytes = processes.resident_bytes;
    seen.daemons.push_back(std::move(daemon));
    if (name != "smtpd") continue;
    seen.received = read_counter(page, Metric::messages_received);
    seen.sent = read_counter(page, Metric::deliveries, {}, "sent");
    seen.deferred = read_counter(page, Metric::deliveries, {}, "deferred");
    seen.bounced = read_counter(page, Metric::deliveries, {}, "bounced");
    seen.rejected = read_counter(page, Metric::decisions, "reject");
    const auto& row = metrics::rows[static_cast<std::size_t>(Metric::queue_messages)];
    for (std::size_t i = 0; i < metrics::count_values(row.first_values); ++i) {
      auto age = metrics::value_at(row.first_values, i);
      seen.queue.emplace_back(age, read_gauge(page, Metric::queue_messages, age));
    }
  }
  return seen;
}

int not_running(std::ostream& err) {
  err << "no daemon runs; start them with: pennypost start\n";
  return ex_not_running;
}

int show_once(const std::string& base_dir, std::ostream& out, std::ostream& err) {
  auto before = look(base_dir, err);
  if (before.daemons.empty()) return not_running(err);
  std::this_thread::sleep_for(once_time);
  out << top_table(before, look(base_dir, err), std::chrono::duration<double>(once_time).count());
  return 0;
}

int show_until_end(const std::string& base_dir, std::ostream& out, std::ostream& err) {
  SingleKeys keys;
  auto before = look(base_dir, err);
  auto looked = std::chrono::steady_clock::now();
  if (before.daemons.empty()) return not_running(err);
  for (auto time = once_time; !keys.wait_for_end(time); time = refresh_time) {
    auto now = look(base_dir, err);
    auto at = std::chrono::steady_clock::now();
    out << clear_screen
        << top_table(before, now, std::chrono::duration<double>(at - looked).count())
        << "\nq ends this" << std::endl;
    before = std::move(now);
    looked = at;
  }
  out << "\n";
  return 0;
}

}  // namespace

int top(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  LoadOptions load;
  bool is_once = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-c" && i + 1 < args.size()) {
      load.directory = args[++i];
    } else if (args[i] == "--once") {
      is_once = true;
    } else {
      err << usage::top << "\n";
      return ex_usage;
    }
  }
  auto config = load_config(load, err);
  if (!config) return ex_config;
  bool is_terminal = &out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
  if (is_once || !is_terminal) return show_once(config->base_dir, out, err);
  return show_until_end(config->base_dir, out, err);
}

}  // namespace pennypost::smtp
