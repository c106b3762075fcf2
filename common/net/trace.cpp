#include "common/net/trace.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t peer_bytes_max = 300;

/// `20:31:04.123`
std::string time_of_day() {
  auto now = std::chrono::system_clock::now();
  auto seconds = std::chrono::system_clock::to_time_t(now);
  auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  auto size = std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  std::snprintf(text.data() + size, text.size() - size, ".%03d",
                static_cast<int>(milliseconds.count() % 1000));
  return text.data();
}

std::string trace_line(std::string_view program, std::string_view peer, std::string_view user,
                       char side, std::string_view line) {
  return time_of_day() + " " + std::string(program) + "[" + std::to_string(::getpid()) + "] " +
         printable(peer, peer_bytes_max) + " " + (user.empty() ? "-" : printable(user, 100)) + " " +
         side + ": " + printable(line, TraceDesk::line_bytes_max);
}

}  // namespace

void TraceDesk::add(TraceOrder order, Descriptor watcher) {
  if (watches_.size() == orders_max) return;
  watches_.push_back({std::move(order), std::move(watcher), 0, false});
}

void TraceDesk::remove(std::uint64_t number) {
  std::erase_if(watches_, [&](const Watch& watch) { return watch.order.number == number; });
}

bool TraceDesk::is_meant(const TraceOrder& order, const TracedSession& session) {
  if (order.client.empty() && order.user.empty()) return false;
  bool is_client = order.client.empty() || order.client == session.client;
  bool is_user = order.user.empty() || equal_nocase(order.user, session.user);
  return is_client && is_user;
}

bool TraceDesk::is_meant(const TraceOrder& order, const TracedServer& server) {
  if (order.destination.empty()) return false;
  return equal_nocase(order.destination, server.host) ||
         equal_nocase(order.destination, server.address) ||
         equal_nocase(order.destination, server.next_hop);
}

bool TraceDesk::is_watched(const TracedSession& session) const {
  return std::ranges::any_of(watches_,
                             [&](const Watch& watch) { return is_meant(watch.order, session); });
}

bool TraceDesk::is_server_watched(const TracedServer& server) const {
  return std::ranges::any_of(watches_,
                             [&](const Watch& watch) { return is_meant(watch.order, server); });
}

void TraceDesk::show(const TracedSession& session, char side, std::string_view line) {
  show_to(session, trace_line(session.daemon, session.client, session.user, side, line));
}

void TraceDesk::show_server(const TracedServer& server, char side, std::string_view line) {
  show_to(server, trace_line(server.component, server.target, server.user, side, line));
}

template <class Whose>
void TraceDesk::show_to(const Whose& whose, const std::string& text) {
  for (Watch& watch : watches_) {
    if (is_meant(watch.order, whose)) send(watch, text);
  }
  std::erase_if(watches_, [](const Watch& watch) { return watch.is_gone; });
}

void TraceDesk::send(Watch& watch, const std::string& line) {
  auto try_send = [&](const std::string& text) {
    return ::send(watch.watcher.number(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >=
           0;
  };
  if (watch.lost > 0 &&
      try_send("(" + std::to_string(watch.lost) + " lines are lost: they came too fast)")) {
    watch.lost = 0;
  }
  if (watch.lost == 0 && try_send(line)) return;
  bool is_full = errno == EAGAIN || errno == ENOBUFS;
  if (!is_full) watch.is_gone = true;
  ++watch.lost;
}

/// Shows what is answered, line by line.
class SessionTrace::Tap final : public OutputTap {
 public:
  explicit Tap(TraceDesk& desk) : desk_(desk) {}

  /// A new command of the client: the answer to the one before is complete.
  void begin(const TracedSession& session) {
    if (!begun_.empty()) show(std::exchange(begun_, {}));
    if (unshown_ > 0) show("(and " + std::to_string(unshown_) + " octets more)");
    shown_ = unshown_ = 0;
    daemon_ = session.daemon;
    client_ = session.client;
    user_ = session.user;
  }

  void said(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (shown_ >= TraceDesk::reply_bytes_max) {
        unshown_ += bytes.size();
        return;
      }
      auto end = bytes.find('\n');
      auto part = bytes.substr(0, end);
      begun_ += part.substr(0, TraceDesk::line_bytes_max);
      shown_ += part.size() + 1;
      if (end == bytes.npos) return;
      show(std::exchange(begun_, {}));
      bytes.remove_prefix(end + 1);
    }
  }

 private:
  void show(std::string line) {
    if (line.ends_with('\r')) line.pop_back();
    desk_.show({daemon_, client_, user_}, 'S', line);
  }

  TraceDesk& desk_;
  std::string daemon_;
  std::string client_;
  std::string user_;
  std::string begun_;  // a line that is not complete yet
  std::size_t shown_ = 0;
  std::size_t unshown_ = 0;
};

void SessionTrace::hear(const TracedSession& session, std::string_view line) {
  if (!desk_->is_watched(session)) return connection_.set_tap(nullptr);
  if (connection_.tap() == nullptr) connection_.set_tap(std::make_unique<Tap>(*desk_));
  static_cast<Tap*>(connection_.tap())->begin(session);  // there are no other taps
  if (!line.empty()) desk_->show(session, 'C', line);
}

}  // namespace pennypost
