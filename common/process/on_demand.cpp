// Gives each account the process that it needs, within the limit of the process's kind.
//
// Members of Master. Below the limit a process is simply started. At the limit the demand waits in
// a queue, with one entry for each instance, in order of arrival. The process that has been idle
// longest ends to make room. If all are busy, the oldest process of a short-lived kind ends when it
// has finished its work, so that accounts with much work take turns with the others; for other
// kinds the demand is refused.
//
// A process that has agreed to end gets no new requests, and answers the earlier ones (child.h), so
// no request is lost.
//
// LIMITS  line_max instances wait for a kind, each for line_time_max
#include <algorithm>
#include <list>
#include <unordered_map>
#include <unordered_set>

#include "common/log/log.h"
#include "common/process/control.h"
#include "common/process/master.h"
#include "common/process/master_process.h"

namespace pennypost {
namespace {

constexpr std::size_t line_max = 10'000;
constexpr std::chrono::seconds line_time_max{30};
constexpr std::chrono::seconds answer_time_max{1};
constexpr std::chrono::seconds turn_time{1};  // after it, one more busy process must end
// The pause between two rounds of questions to all processes.
constexpr Duration round_pause{50};
constexpr std::chrono::seconds told_pause{60};

Error shutting_down() { return Error::temporary("4.3.2", "the server is shutting down"); }

}  // namespace

/// A request that waits for a process.
struct Master::Ticket {
  explicit Ticket(Loop& loop) : decided(loop) {}
  Event decided;
  std::optional<Result<OnDemand>> answer;
};

/// The queue for processes of a kind.
struct Master::Line {
  struct Wanted {
    Demand demand;
    SteadyTime since;
    std::vector<std::shared_ptr<Ticket>> tickets;
    bool needs_room = false;  // if not, it only waits for its predecessor to end
  };

  void add(Demand demand, std::shared_ptr<Ticket> ticket) {
    auto known = places.find(demand.instance);
    if (known == places.end()) {
      std::string instance = demand.instance;
      auto place = wanted.insert(
          wanted.end(), Wanted{std::move(demand), std::chrono::steady_clock::now(), {}, false});
      known = places.emplace(std::move(instance), place).first;
    }
    known->second->tickets.push_back(std::move(ticket));
  }
  std::list<Wanted>::iterator answer(std::list<Wanted>::iterator place,
                                     const Result<OnDemand>& result) {
    for (const auto& ticket : place->tickets) {
      ticket->answer = result;
      ticket->decided.notify_all();
    }
    places.erase(place->demand.instance);
    return wanted.erase(place);
  }
  /// Refuses those for which `is_late` is true. False if there was none.
  template <class Condition>
  bool refuse(const Error& error, Condition is_late) {
    auto before = wanted.size();
    for (auto next = wanted.begin(); next != wanted.end();) {
      next = is_late(*next) ? answer(next, error) : std::next(next);
    }
    return wanted.size() < before;
  }

  std::list<Wanted> wanted;
  std::unordered_map<std::string, std::list<Wanted>::iterator> places;
  bool is_served = false;
  SteadyTime last_round{};
  SteadyTime last_progress{};  // when a process last ended or was told to
  std::uint64_t ends_seen = 0;
  SteadyTime last_told{};
};

Task<Result<Master::OnDemand>> Master::start_on_demand(Demand demand) {
  const Kind& kind = kind_named(demand.kind);
  ASSERT(kind.number == Kind::Number::OnDemand);
  if (auto link = running(kind, demand.instance)) {
    co_return OnDemand{kind.name + ":" + demand.instance, std::move(link)};
  }
  if (is_closed(kind)) co_return shutting_down();
  auto& line = lines_[kind.name];
  if (!line) line = std::make_shared<Line>();
  bool is_next = demand.is_shared || (line->wanted.empty() && has_room(kind));
  if (is_next && !must_wait(kind, demand.instance)) co_return start_now(kind, demand);
  if (line->wanted.size() >= line_max) {
    co_return Error(control::all_busy, "4.3.2",
                    "too many accounts wait for a " + kind.name + " process");
  }
  auto ticket = std::make_shared<Ticket>(loop_);
  line->add(std::move(demand), ticket);
  if (!line->is_served) {
    line->is_served = true;
    line->last_progress = std::chrono::steady_clock::now();
    tasks_->start(serve_line(kind, *line));
  }
  while (!ticket->answer) co_await ticket->decided.wait();
  co_return *std::move(ticket->answer);
}

Result<Master::OnDemand> Master::start_now(const Kind& kind, const Demand& demand) {
  TRY_DO(start(kind, demand.instance, &demand.identity));
  processes_.back().is_shared = demand.is_shared;
  return OnDemand{kind.name + ":" + demand.instance, processes_.back().link};
}

/// Serves the waiting demands until none is left.
Task<> Master::serve_line(const Kind& kind, Line& line) {
  const Error busy(control::all_busy, "4.3.2",
                   "all " + kind.name + " processes are busy (" +
                       (kind.limit ? kind.limit->parameter : "no limit") + ")");
  bool waits_long = kind.limit && kind.limit->is_short_lived;
  while (!line.wanted.empty()) {
    auto ends_before = ends_;
    if (ends_ != line.ends_seen) line.last_progress = std::chrono::steady_clock::now();
    line.ends_seen = ends_;
    if (is_closed(kind)) line.refuse(shutting_down(), [](const auto&) { return true; });
    std::size_t needed = admit(kind, line);
    bool is_hopeful = waits_long;
    if (needed > 0) is_hopeful = co_await make_room(kind, line, needed) || waits_long;
    auto limit = std::chrono::steady_clock::now() - line_time_max;
    bool has_refused = line.refuse(busy, [&](const Line::Wanted& one) {
      return one.since <= limit || (one.needs_room && !is_hopeful);
    });
    if (has_refused) tell_busy(kind, line);
    if (line.wanted.empty() || ends_ != ends_before) continue;
    co_await within(loop_, round_pause, wait_for_child());
  }
  line.is_served = false;
}

/// Serves, in order, the demands that can have a process now. Returns how many need another process
/// to end.
std::size_t Master::admit(const Kind& kind, Line& line) {
  std::unordered_set<std::string_view> known;
  for (const auto& process : processes_) {
    if (process.kind == &kind) known.insert(process.instance);
  }
  std::size_t needed = 0;
  for (auto next = line.wanted.begin(); next != line.wanted.end();) {
    const Demand& demand = next->demand;
    bool is_known = known.contains(demand.instance);
    auto link = is_known ? running(kind, demand.instance) : nullptr;
    if (link) {
      next = line.answer(next, OnDemand{kind.name + ":" + demand.instance, std::move(link)});
      continue;
    }
    bool waits = is_known && must_wait(kind, demand.instance);
    next->needs_room = !waits && !demand.is_shared && (needed > 0 || !has_room(kind));
    if (!waits && !next->needs_room) {
      next = line.answer(next, start_now(kind, demand));
      continue;
    }
    needed += next->needs_room ? 1 : 0;
    ++next;
  }
  return needed;
}

namespace {

struct Candidate {
  std::shared_ptr<Link> link;
  control::AskIdleness::Answer answer;
};

Task<> ask_idleness(Candidate& candidate) {
  std::string question = wire::encode(control::AskIdleness());
  auto work = candidate.link->call(control::AskIdleness::type, std::move(question), {});
  auto reply = co_await std::move(work);
  if (!reply) co_return;
  auto answer = wire::decode<control::AskIdleness::Answer>(reply->body);
  if (answer) candidate.answer = *answer;
}

/// Keeps the idle ones, the longest idle first. One that does not answer soon counts as busy.
Task<> keep_idle(Loop& loop, std::list<Candidate>& candidates) {
  {
    Nursery asking(loop);
    for (auto& one : candidates) asking.start(ask_idleness(one));
    co_await within(loop, answer_time_max, asking.join());
  }
  std::erase_if(candidates, [](const auto& one) { return !one.answer.is_idle; });
  candidates.sort([](const auto& one, const auto& other) {
    return one.answer.milliseconds > other.answer.milliseconds;
  });
}

}  // namespace

/// Makes as many processes end as needed. False if none is going to end.
Task<bool> Master::make_room(const Kind& kind, Line& line, std::size_t needed) {
  auto now = std::chrono::steady_clock::now();
  std::size_t leaving = count_leaving(kind);
  // A process that was told to end may need long to finish; then another one must end.
  bool is_stuck = kind.limit->is_short_lived && now - line.last_progress >= turn_time;
  bool is_too_soon = leaving > 0 && now - line.last_round < round_pause;
  std::size_t wanted = std::max(needed, leaving + (is_stuck ? 1 : 0));
  if (leaving >= wanted || is_too_soon) co_return leaving > 0;
  line.last_round = now;
  std::list<Candidate> candidates;
  for (auto& process : processes_) {
    bool counts = process.kind == &kind && !process.is_shared && process.may_be_asked();
    if (counts) candidates.push_back({process.link, {}});
  }
  auto oldest = candidates.empty() ? nullptr : candidates.front().link;
  co_await keep_idle(loop_, candidates);
  std::size_t agreed = 0;
  for (const auto& one : candidates) {
    if (leaving + agreed >= wanted) break;
    bool leaves = co_await ask_to_go(one.link, false);
    if (leaves) ++agreed;
  }
  if (agreed == 0 && oldest && is_stuck) {
    line.last_progress = now;
    co_await ask_to_go(oldest, true);
  }
  co_return leaving + agreed > 0;
}

/// Asks a process to end; true if it agrees.
Task<bool> Master::ask_to_go(std::shared_ptr<Link> link, bool is_forced) {
  if (Process* process = find(link->peer())) process->is_asked = true;
  control::MakeRoom request;
  request.is_forced = is_forced;
  auto work = link->call(control::MakeRoom::type, wire::encode(request), {});
  auto reply = co_await within(loop_, answer_time_max, std::move(work));
  bool leaves = false;
  if (reply && *reply) {
    auto answer = wire::decode<control::MakeRoom::Answer>((*reply)->body);
    leaves = answer && answer->leaves;
  }
  Process* process = find(link->peer());
  if (process != nullptr && !leaves) process->is_asked = false;
  co_return leaves;
}

Task<> Master::wait_for_child() { co_await child_ended_.wait(); }

/// Logs at most once a minute.
void Master::tell_busy(const Kind& kind, Line& line) {
  auto now = std::chrono::steady_clock::now();
  if (!kind.limit || now - line.last_told < told_pause) return;
  line.last_told = now;
  log_warning("master", kind.limit->parameter + " = " +
                            std::to_string(kind.limit->most(*now_->config)) + ": all " + kind.name +
                            " processes are busy, and further accounts have to wait");
}

Master::Process* Master::find(ProcessNumber number) {
  auto found = std::ranges::find_if(
      processes_, [&](const Process& process) { return process.link->peer() == number; });
  return found == processes_.end() ? nullptr : &*found;
}

std::shared_ptr<Link> Master::one_of(const std::string& kind) {
  std::vector<std::shared_ptr<Link>> links;
  for (const auto& process : processes_) {
    if (process.kind->name == kind && process.may_be_asked()) links.push_back(process.link);
  }
  return links.empty() ? nullptr : links[++last_chosen_ % links.size()];
}

std::shared_ptr<Link> Master::running(const Kind& kind, const std::string& instance) {
  auto found = std::ranges::find_if(processes_, [&](const Process& process) {
    return process.kind == &kind && process.instance == instance && process.may_be_asked();
  });
  return found == processes_.end() ? nullptr : found->link;
}

/// Whether a process of the same instance must first end, or refuse to end, before another may
/// start: a worker owns its account's index.
bool Master::must_wait(const Kind& kind, const std::string& instance) const {
  return kind.serves_clients && std::ranges::any_of(processes_, [&](const Process& process) {
           return process.kind == &kind && process.instance == instance &&
                  (!process.is_draining || process.is_replaced);
         });
}

bool Master::has_room(const Kind& kind) const {
  if (!kind.limit) return true;
  auto count = std::ranges::count_if(processes_, [&](const Process& process) {
    return process.kind == &kind && !process.is_shared;
  });
  return static_cast<std::uint64_t>(count) < kind.limit->most(*now_->config);
}

std::size_t Master::count_leaving(const Kind& kind) const {
  return static_cast<std::size_t>(std::ranges::count_if(processes_, [&](const Process& process) {
    return process.kind == &kind && !process.is_shared && !process.may_be_asked();
  }));
}

bool Master::is_closed(const Kind& kind) const {
  return stopping_ && (kind.serves_clients || is_ending_);
}

}  // namespace pennypost
