#include "common/async/slow_source.h"

#include <signal.h>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <system_error>
#include <thread>
#include <vector>

namespace pennypost {
namespace {

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

/// Whole seconds, or what there is below one.
std::string seconds_text(Duration time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

Task<> raised(Signal& signal) { co_await signal.wait(); }

/// Threads of ours are no place for the process's signals.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

/// What the threads share with their SlowSource, and keep when it has gone.
struct SlowSource::State {
  State(std::string of, Limits within, Problem problem)
      : name(std::move(of)), limits(within), on_problem(std::move(problem)) {}

  const std::string name;
  const Limits limits;
  const Problem on_problem;
  std::mutex mutex;
  std::condition_variable has_work;
  std::deque<std::shared_ptr<AnyCall>> waiting;
  struct Running {
    SteadyTime deadline;
    std::thread::id thread;
  };
  std::list<Running> running;  // the calls that have a thread
  std::map<std::thread::id, std::thread> threads;
  std::size_t idle = 0;
  bool is_silent = false;  // and on_problem knows
  bool is_stopping = false;

  std::size_t lost(SteadyTime now) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(running, [&](const Running& one) { return one.deadline <= now; }));
  }
  void tell(const std::string& text) const {
    if (on_problem) on_problem(name + ": " + text);
  }
  bool is_busy(std::thread::id thread) const {
    return std::ranges::find(running, thread, &Running::thread) != running.end();
  }
  void work();
  std::optional<Error> serve(AnyCall& call) const;
};

/// The body of a thread.
void SlowSource::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    ++idle;
    has_work.wait(lock, [&] { return is_stopping || !waiting.empty(); });
    --idle;
    if (is_stopping) return;
    auto call = std::move(waiting.front());
    waiting.pop_front();
    auto place = running.insert(running.end(), {call->deadline_, std::this_thread::get_id()});
    lock.unlock();
    auto failure = serve(*call);
    // Who hears of the answer may end the source: it finds this thread free.
    lock.lock();
    running.erase(place);
    bool answers_again = is_silent && waiting.empty() && running.empty();
    if (answers_again) is_silent = false;
    lock.unlock();
    call->finish_with(std::move(failure));
    call.reset();
    if (answers_again) tell("answers again");
    lock.lock();
  }
}

/// Why there is no answer; nothing: there is one.
std::optional<Error> SlowSource::State::serve(AnyCall& call) const {
  try {
    call.run();
    return std::nullopt;
  } catch (const std::exception& exception) {
    return Error::temporary("4.3.0", name + ": " + exception.what());
  }
}

// AnyCall

bool SlowSource::AnyCall::is_finished() const {
  std::lock_guard lock(mutex_);
  return is_finished_;
}

/// The first who says how it ends is right.
void SlowSource::AnyCall::finish_with(std::optional<Error> failure) {
  std::lock_guard lock(mutex_);
  if (is_finished_) return;
  if (!failure) keep();
  failure_ = std::move(failure);
  is_finished_ = true;
  finished_.notify_all();
  if (waiter_ != nullptr) waiter_->raise();
}

// SlowSource

SlowSource::SlowSource(std::string name, Limits limits, Problem on_problem)
    : state_(std::make_shared<State>(std::move(name), limits, std::move(on_problem))) {
  ASSERT(limits.threads >= 1);
}

SlowSource::~SlowSource() {
  std::vector<std::thread> ending;
  {
    std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
    for (auto& call : state_->waiting) {
      call->finish_with(Error::temporary("4.3.0", state_->name + ": no longer asked"));
    }
    state_->waiting.clear();
    for (auto& [id, thread] : std::exchange(state_->threads, {})) {
      bool is_kept = state_->is_busy(id) || id == std::this_thread::get_id();
      if (is_kept) {
        thread.detach();
      } else {
        ending.push_back(std::move(thread));
      }
    }
    state_->has_work.notify_all();
  }
  for (auto& thread : ending) thread.join();
}

const std::string& SlowSource::name() const { return state_->name; }

std::size_t SlowSource::lost() const {
  std::lock_guard lock(state_->mutex);
  return state_->lost(steady_now());
}

void SlowSource::submit(std::shared_ptr<AnyCall> call) {
  auto now = steady_now();
  call->deadline_ = now + state_->limits.deadline;
  auto refuse = [&](const std::string& reason) {
    call->finish_with(Error::temporary("4.3.0", state_->name + ": " + reason));
  };
  std::lock_guard lock(state_->mutex);
  if (state_->lost(now) == state_->limits.threads) {
    return refuse("does not answer: " + std::to_string(state_->limits.threads) +
                  " look-ups have not come back");
  }
  if (state_->waiting.size() >= state_->limits.waiting_max) {
    return refuse("is too slow: " + std::to_string(state_->limits.waiting_max) + " look-ups wait");
  }
  bool needs_thread = state_->idle <= state_->waiting.size();
  if (needs_thread && state_->threads.size() < state_->limits.threads) {
    SignalsBlocked blocked;
    try {
      std::thread thread([state = state_] { state->work(); });
      auto id = thread.get_id();
      state_->threads.emplace(id, std::move(thread));
    } catch (const std::system_error& error) {
      if (state_->threads.empty()) return refuse(std::string("no thread: ") + error.what());
    }
  }
  state_->waiting.push_back(std::move(call));
  state_->has_work.notify_one();
}

/// At the deadline of a call that has no answer.
void SlowSource::give_up(AnyCall& call) {
  if (call.is_finished()) return;
  std::string reason = "no answer within " + seconds_text(state_->limits.deadline);
  bool is_news;
  {
    std::lock_guard lock(state_->mutex);
    std::erase_if(state_->waiting, [&](const auto& one) { return one.get() == &call; });
    is_news = !std::exchange(state_->is_silent, true);
  }
  if (is_news) state_->tell(reason);
  call.finish_with(Error::temporary("4.3.0", state_->name + ": " + reason));
}

Task<> SlowSource::finish(Loop& loop, std::shared_ptr<AnyCall> call) {
  // Attached while this frame lives: the thread may come after it.
  struct Attached {
    Attached(AnyCall& of, Signal& signal) : call(of) {
      std::lock_guard lock(call.mutex_);
      call.waiter_ = &signal;
      if (call.is_finished_) signal.raise();
    }
    ~Attached() {
      std::lock_guard lock(call.mutex_);
      call.waiter_ = nullptr;
    }
    AnyCall& call;
  };
  if (call->is_finished()) co_return;
  Signal signal(loop);
  Attached attached(*call, signal);
  // A loop's timers count from when it last looked at the clock.
  auto left = std::chrono::ceil<Duration>(call->deadline_ - loop.now());
  auto waiting = raised(signal);
  bool is_in_time = co_await within(loop, std::max(left, Duration(1)), std::move(waiting));
  if (!is_in_time) give_up(*call);
}

void SlowSource::finish(AnyCall& call) {
  {
    std::unique_lock lock(call.mutex_);
    call.finished_.wait_until(lock, call.deadline_, [&] { return call.is_finished_; });
  }
  give_up(call);
}

}  // namespace pennypost
