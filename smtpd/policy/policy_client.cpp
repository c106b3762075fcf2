#include "smtpd/policy/policy_client.h"

#include <algorithm>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/log/log.h"

namespace pennypost::smtp {
namespace {

/// The answer's lines, up to the empty one: the value of `action`.
Task<Result<std::string>> read_action(Connection& connection) {
  std::optional<std::string> action;
  for (std::size_t bytes = 0; bytes <= policy_answer_bytes_max;) {
    Line line = co_await connection.line(policy_answer_bytes_max);
    if (line.is_too_long) break;
    bytes += line.text.size() + 1;
    if (line.text.empty()) {
      if (!action) co_return Error::temporary("4.3.0", "its answer has no action");
      co_return *std::move(action);
    }
    auto equals = line.text.find('=');
    if (equals == line.text.npos) {
      co_return Error::temporary(
          "4.3.0", "its answer has no name=value: \"" + printable(line.text, 100) + "\"");
    }
    if (trim(line.text.substr(0, equals)) == "action" && !action) {
      action = trim(line.text.substr(equals + 1));
    }
  }
  co_return Error::temporary(
      "4.3.0", "its answer is longer than " + std::to_string(policy_answer_bytes_max) + " bytes");
}

Task<> change_of(Event& event) { co_await event.wait(); }

}  // namespace

/// One of the connections that a server may have at once.
class PolicyClient::Place {
 public:
  explicit Place(Server& server) : server_(server) { ++server_.busy; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    --server_.busy;
    server_.changed.notify_all();
  }

 private:
  Server& server_;
};

PolicyClient::PolicyClient(Loop& loop, Connect connect)
    : loop_(loop), connect_(std::move(connect)), sweep_(loop, [this] { close_idle(); }) {}

Task<Result<std::string>> PolicyClient::ask(PolicyService service, std::string request) {
  std::string name = service.at.name();
  Server& server = servers_.try_emplace(name, loop_).first->second;
  for (std::uint64_t tries = 1;; ++tries) {
    auto trying = try_once(service, request, server);
    auto action = co_await std::move(trying);
    if (action) co_return std::move(action);
    log_warning("smtpd", "problem talking to server " + name + ": " + action.error().text());
    if (tries >= service.try_limit) co_return std::move(action);
    co_await loop_.sleep(service.retry_delay);
  }
}

Task<Result<std::string>> PolicyClient::try_once(const PolicyService& service,
                                                 const std::string& request, Server& server) {
  SteadyTime until = loop_.now() + service.timeout;
  while (server.busy >= policy_connections_max) {
    auto left = std::chrono::duration_cast<Duration>(until - loop_.now());
    if (left.count() <= 0) {
      co_return Error::temporary(
          "4.3.2", "all " + std::to_string(policy_connections_max) + " connections are in use");
    }
    auto waiting = change_of(server.changed);
    co_await within(loop_, left, std::move(waiting));
  }
  Place place(server);
  for (;;) {
    auto kept = take_idle(server);
    bool is_reused = kept != nullptr;
    if (!is_reused) {
      auto opening = open(service);
      CO_TRY(kept, co_await std::move(opening));
    }
    bool is_stale = is_reused;
    auto conversing = converse(*kept, service, request, is_stale);
    auto action = co_await std::move(conversing);
    if (action) keep(std::move(kept), service, server);
    if (action || !is_stale) co_return std::move(action);
  }
}

Task<Result<std::unique_ptr<PolicyClient::Kept>>> PolicyClient::open(const PolicyService& service) {
  auto connecting = connect_(service.at, service.timeout);
  CO_TRY(auto stream, co_await std::move(connecting));
  co_return std::make_unique<Kept>(loop_, std::move(stream), service);
}

/// `is_stale`: stays true only if the server had closed the connection.
Task<Result<std::string>> PolicyClient::converse(Kept& kept, const PolicyService& service,
                                                 const std::string& request, bool& is_stale) {
  kept.connection.set_deadline(loop_.now() + service.timeout);
  std::optional<Disconnected> end;
  try {
    co_await kept.connection.write(request);
    auto reading = read_action(kept.connection);
    auto action = co_await std::move(reading);
    is_stale = false;
    co_return std::move(action);
  } catch (const Disconnected& why) {
    end = why;
  }
  bool is_timeout = end->reason() == Disconnected::Reason::Timeout;
  is_stale = is_stale && !is_timeout && !kept.connection.has_input();
  co_return Error::temporary("4.3.0", is_timeout ? "Connection timed out" : end->text());
}

std::unique_ptr<PolicyClient::Kept> PolicyClient::take_idle(Server& server) {
  while (!server.idle.empty()) {
    auto kept = std::move(server.idle.back());
    server.idle.pop_back();
    // Whatever the server has sent or closed since, it is not an answer to what comes next.
    bool is_open = kept->connection.stream().discard_input() == Stream::Input::None;
    if (is_open && kept->idle_until > loop_.now()) return kept;
  }
  return nullptr;
}

void PolicyClient::keep(std::unique_ptr<Kept> kept, const PolicyService& service, Server& server) {
  ++kept->requests;
  bool has_more = kept->connection.has_input();
  if (has_more || !service.request_limit.allows(kept->requests + 1)) return;
  kept->idle_until = std::min(loop_.now() + service.max_idle, kept->ends);
  if (kept->idle_until <= loop_.now()) return;
  SteadyTime until = kept->idle_until;
  server.idle.push_back(std::move(kept));
  if (!sweep_.is_running()) sweep_.start(until);
}

void PolicyClient::close_idle() {
  SteadyTime next = SteadyTime::max();
  for (auto& [name, server] : servers_) {
    std::erase_if(server.idle,
                  [this](const auto& kept) { return kept->idle_until <= loop_.now(); });
    for (const auto& kept : server.idle) next = std::min(next, kept->idle_until);
  }
  if (next != SteadyTime::max()) sweep_.start(next);
}

}  // namespace pennypost::smtp
