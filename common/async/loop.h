// Runs the event loop of a process: resumes coroutines when descriptors, timers or blocking work
// are ready.
//
// There is one Loop per process, on one thread. run() returns when stop() was called, or when
// nothing is left that could wake a task. Callbacks of libuv never resume a coroutine; they put its
// Waiter into the ready list, and run() resumes from there, in order.
//
// LIMITS burst_max resumptions between two polls of the descriptors
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/async/task.h"

namespace pennypost {

using Duration = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

/// A suspended coroutine's place in a queue; leaves the queue when destroyed.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { unlink(); }

  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }
  bool is_linked() const { return next_ != nullptr; }

  std::coroutine_handle<> handle;

 private:
  friend class WaiterList;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

/// A queue of Waiters that does not own them.
class WaiterList {
 public:
  WaiterList() { head_.next_ = head_.previous_ = &head_; }
  WaiterList(const WaiterList&) = delete;
  WaiterList& operator=(const WaiterList&) = delete;
  ~WaiterList() {
    while (pop() != nullptr) {
    }
    head_.next_ = head_.previous_ = nullptr;
  }
  bool empty() const { return head_.next_ == &head_; }
  void push(Waiter& waiter) {
    waiter.unlink();
    waiter.previous_ = head_.previous_;
    waiter.next_ = &head_;
    head_.previous_->next_ = &waiter;
    head_.previous_ = &waiter;
  }
  /// Removes and returns the first; null when empty.
  Waiter* pop() {
    if (empty()) return nullptr;
    Waiter* first = head_.next_;
    first->unlink();
    return first;
  }

 private:
  Waiter head_;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(), or until no descriptor, timer, work or ready task is left.
  void run();
  /// Makes run() return after the current burst.
  void stop();
  /// Runs the loop until `task` is done, and returns its value: for main() and tests.
  template <class T>
  T run_until(Task<T> task);

  /// Puts a suspended coroutine into the ready list; it is resumed from run().
  void wake(Waiter& waiter);
  /// Monotonic time when the clock was last read, with a resolution of a millisecond.
  SteadyTime now() const;

  class Sleep;
  /// co_await loop.sleep(20ms)
  Sleep sleep(Duration duration);
  /// Lets every other ready task run first.
  Sleep yield();

  class TurnEnd;
  /// co_await loop.turn_end(): resumes when all ready tasks have run, and those that they made
  /// ready (up to burst_max), before the loop polls its descriptors. So the output of many tasks
  /// can be sent together.
  TurnEnd turn_end();
  /// `handler` is called at the end of each turn, before the tasks that wait for it, and at the end
  /// of run().
  void on_turn_end(std::function<void()> handler);

  template <class Function>
  class Offload;
  /// co_await loop.offload([&] { ... }): runs blocking work on a thread of the pool and returns its
  /// value; an exception is rethrown here. If the task is destroyed meanwhile, it waits for the
  /// work to end, so references into the frame stay valid.
  template <class Function>
  Offload<Function> offload(Function function) {
    return Offload<Function>(*this, std::move(function));
  }
  /// Sets how many threads offload() uses; call it before the first use in a process. Default 4, at
  /// most 128.
  static void set_offload_threads(unsigned count);

  /// The work behind offload(): `run` is called on a thread, then the waiter is woken.
  class Work {
   public:
    explicit Work(Loop& loop) : loop_(loop) {}
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    virtual ~Work() { ASSERT(state_ == nullptr); }

   protected:
    virtual void run() noexcept = 0;
    void submit(std::coroutine_handle<> handle);
    /// Blocks until the thread is done with `run`.
    void wait_for_thread();

   private:
    friend class Loop;
    struct State;
    Loop& loop_;
    State* state_ = nullptr;
    Waiter waiter_;
  };

 private:
  friend class Timer;
  friend class Poll;
  friend class Signal;
  struct State;
  void run_ready();
  void end_turn();
  void wake_at_turn_end(Waiter& waiter);
  std::unique_ptr<State> state_;
};

class Loop::TurnEnd {
 public:
  explicit TurnEnd(Loop& loop) : loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    loop_.wake_at_turn_end(waiter_);
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  Waiter waiter_;
};

inline Loop::TurnEnd Loop::turn_end() { return TurnEnd(*this); }

/// Calls back once for each start(); moving or stopping it is cheap. Callbacks must not destroy the
/// running task; they wake waiters or set flags.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { stop(); }

  void start(SteadyTime when);
  void start(Duration after) { start(loop_.now() + after); }
  void stop();
  bool is_running() const { return position_.has_value(); }

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> callback_;
  std::optional<std::multimap<SteadyTime, Timer*>::iterator> position_;
};

class Loop::Sleep {
 public:
  Sleep(Loop& loop, Duration duration)
      : loop_(loop), duration_(duration), timer_(loop, [this] { loop_.wake(waiter_); }) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    if (duration_.count() <= 0) {
      loop_.wake(waiter_);
    } else {
      timer_.start(duration_);
    }
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  Duration duration_;
  Waiter waiter_;
  Timer timer_;
};

inline Loop::Sleep Loop::sleep(Duration duration) { return Sleep(*this, duration); }
inline Loop::Sleep Loop::yield() { return Sleep(*this, Duration::zero()); }

template <class Function>
class Loop::Offload final : Work {
 public:
  using Value = std::invoke_result_t<Function&>;
  Offload(Loop& loop, Function function) : Work(loop), function_(std::move(function)) {}
  ~Offload() override { wait_for_thread(); }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { submit(handle); }
  Value await_resume() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
    if constexpr (!std::is_void_v<Value>) return *std::move(value_);
  }

 private:
  struct Nothing {};
  void run() noexcept override {
    try {
      if constexpr (std::is_void_v<Value>) {
        function_();
      } else {
        value_.emplace(function_());
      }
    } catch (...) {
      exception_ = std::current_exception();
    }
  }
  Function function_;
  std::optional<std::conditional_t<std::is_void_v<Value>, Nothing, Value>> value_;
  std::exception_ptr exception_;
};

/// Waits for one descriptor to be ready; does not own it, and must not outlive it.
///
/// At most one task waits for reading and one for writing.
class Poll {
 public:
  enum class Event { Readable, Writable };
  Poll(Loop& loop, int descriptor);
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  class Ready;
  /// co_await poll.ready(Poll::Event::Readable, deadline): true if the descriptor is ready (or has
  /// an error, which the next read reports), false at the deadline. SteadyTime::max() means no
  /// deadline.
  Ready ready(Event event, SteadyTime deadline);

 private:
  friend class Ready;
  struct Handle;
  void update();
  Loop& loop_;
  Handle* handle_;
  Ready* reader_ = nullptr;
  Ready* writer_ = nullptr;
  int active_ = 0;
};

class Poll::Ready {
 public:
  Ready(Poll& poll, Event event, SteadyTime deadline)
      : poll_(poll), event_(event), deadline_(deadline) {}
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;
  ~Ready() { detach(); }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  bool await_resume();

 private:
  friend class Poll;
  void detach();
  Ready*& slot() { return event_ == Event::Readable ? poll_.reader_ : poll_.writer_; }
  Poll& poll_;
  Event event_;
  SteadyTime deadline_;
  bool timed_out_ = false;
  Waiter waiter_;
  std::optional<Timer> timer_;
};

/// Tells the loop from any thread that something happened; several raises before it looks count as
/// one.
///
/// At most one task waits. Its wait alone does not keep run() running.
class Signal {
 public:
  explicit Signal(Loop& loop);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// May be called from any thread, as long as the Signal exists.
  void raise();
  class Wait;
  /// co_await signal.wait(): returns at once if it was raised since the last wait.
  Wait wait();

 private:
  struct Handle;
  Loop& loop_;
  Handle* handle_;
  bool was_raised_ = false;
  Waiter* waiter_ = nullptr;
};

class Signal::Wait {
 public:
  explicit Wait(Signal& signal) : signal_(signal) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait();
  bool await_ready() const noexcept { return signal_.was_raised_; }
  void await_suspend(std::coroutine_handle<> handle);
  void await_resume() const noexcept { signal_.was_raised_ = false; }

 private:
  Signal& signal_;
  Waiter waiter_;
};

inline Signal::Wait Signal::wait() { return Wait(*this); }

/// Tasks wait for it, and notify wakes them. It has no state: check your condition in a loop.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  class Wait {
   public:
    explicit Wait(Event& event) : event_(event) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      waiter_.handle = handle;
      event_.waiting_.push(waiter_);
    }
    void await_resume() const noexcept {}

   private:
    Event& event_;
    Waiter waiter_;
  };
  /// co_await event.wait()
  Wait wait() { return Wait(*this); }
  void notify_one() {
    if (Waiter* waiter = waiting_.pop()) loop_.wake(*waiter);
  }
  void notify_all() {
    while (Waiter* waiter = waiting_.pop()) loop_.wake(*waiter);
  }

 private:
  Loop& loop_;
  WaiterList waiting_;
};

namespace detail {

/// Waits for a task or a deadline, whichever comes first; the task is cancelled at the deadline.
template <class T>
class Within {
 public:
  Within(Loop& loop, Duration limit, Task<T>& task)
      : loop_(loop), limit_(limit), task_(task), timer_(loop, [this] {
          timed_out_ = true;
          task_.cancel();
          loop_.wake(waiter_);
        }) {}
  bool await_ready() { return task_.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    task_.await_suspend(handle);
    timer_.start(limit_);
  }
  /// True if the task is done.
  bool await_resume() {
    timer_.stop();
    return !timed_out_;
  }

 private:
  Loop& loop_;
  Duration limit_;
  Task<T>& task_;
  bool timed_out_ = false;
  Waiter waiter_;
  Timer timer_;
};

}  // namespace detail

/// The task's value, or nothing if `limit` passes first; then the task is cancelled.
template <class T>
Task<std::optional<T>> within(Loop& loop, Duration limit, Task<T> task) {
  bool done = co_await detail::Within<T>(loop, limit, task);
  if (!done) co_return std::nullopt;
  co_return std::optional<T>(task.await_resume());
}

/// True if the task ended before `limit`; else it is cancelled.
inline Task<bool> within(Loop& loop, Duration limit, Task<void> task) {
  bool done = co_await detail::Within<void>(loop, limit, task);
  if (done) task.await_resume();
  co_return done;
}

template <class T>
T Loop::run_until(Task<T> task) {
  bool done = false;
  auto watch = [](Loop& loop, Task<T> inner, bool& finished) -> Task<T> {
    struct Finish {
      ~Finish() {
        finished_ = true;
        loop_.stop();
      }
      Loop& loop_;
      bool& finished_;
    } finish{loop, finished};
    co_return co_await std::move(inner);
  };
  auto outer = watch(*this, std::move(task), done);
  if (!outer.await_ready()) {
    while (!done) run();
  }
  return outer.await_resume();
}

}  // namespace pennypost
