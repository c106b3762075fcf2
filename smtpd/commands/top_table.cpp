#include "smtpd/commands/top_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace pennypost::smtp {
namespace {

/// `3d 2h`, `2h 5m`, `5m`.
std::string up_text(std::int64_t seconds) {
  auto minutes = std::max<std::int64_t>(seconds, 0) / 60;
  if (minutes < 60) return std::to_string(minutes) + "m";
  if (minutes < 24 * 60) {
    return std::to_string(minutes / 60) + "h " + std::to_string(minutes % 60) + "m";
  }
  return std::to_string(minutes / 1440) + "d " + std::to_string(minutes / 60 % 24) + "h";
}

/// A counter of a daemon that was started anew in between begins again.
double rate(std::uint64_t before, std::uint64_t now, double seconds) {
  auto grown = now >= before ? now - before : now;
  return seconds > 0 ? static_cast<double>(grown) / seconds : 0;
}

template <class... Values>
void add_line(std::string& out, const char* format, Values... values) {
  std::array<char, 200> line{};
  std::snprintf(line.data(), line.size(), format, values...);
  out += line.data();
}

}  // namespace

std::string top_table(const TopLook& before, const TopLook& now, double seconds) {
  std::string out;
  add_line(out, "%-8s %9s %9s %12s %9s %9s %10s %8s\n", "", "up", "sessions", "connects/s",
           "logins/s", "failed/s", "processes", "memory");
  for (const auto& daemon : now.daemons) {
    auto old = std::ranges::find(before.daemons, daemon.name, &TopLook::Daemon::name);
    const TopLook::Daemon none;
    const auto& then = old == before.daemons.end() ? none : *old;
    add_line(out, "%-8s %9s %9lld %12.1f %9.1f %9.1f %10zu %7lluM\n", daemon.name.c_str(),
             up_text(daemon.seconds_up).c_str(), static_cast<long long>(daemon.sessions),
             rate(then.connections, daemon.connections, seconds),
             rate(then.logins, daemon.logins, seconds),
             rate(then.failed_logins, daemon.failed_logins, seconds), daemon.processes,
             static_cast<unsigned long long>(daemon.resident_bytes >> 20));
  }
  if (now.queue.empty()) return out;
  add_line(out, "\nmail     received/s %.1f, sent/s %.1f, deferred/s %.1f, returned/s %.1f, ",
           rate(before.received, now.received, seconds), rate(before.sent, now.sent, seconds),
           rate(before.deferred, now.deferred, seconds),
           rate(before.bounced, now.bounced, seconds));
  add_line(out, "refused/s %.1f\n", rate(before.rejected, now.rejected, seconds));
  std::int64_t all = 0;
  for (const auto& [age, count] : now.queue) all += count;
  add_line(out, "queue    %lld messages", static_cast<long long>(all));
  const char* between = "; by age: ";
  for (const auto& [age, count] : now.queue) {
    if (count == 0) continue;
    add_line(out, "%s%s %lld", between, age.c_str(), static_cast<long long>(count));
    between = ", ";
  }
  return out + "\n";
}

}  // namespace pennypost::smtp
