// Defines Task<T>, a coroutine that is awaited for its value, and cancelled by destroying it.
//
// Task<T> is lazy: it begins when awaited, and is awaited once. The awaiting frame owns the child,
// so destroying a task cancels it and everything it waits for: each awaitable leaves its queue in
// its destructor. Nothing resumes inline: what wakes a task puts it into its Loop's ready list.
//
// There is no symmetric transfer (g++ 12 overflows the stack): a child is resumed first and then
// checked for completion; one that finishes later names its waiter, which the loop resumes next.
//
// SEE ALSO   nursery.h (tasks without a waiting frame), loop.h (what a task can wait for)
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "common/base/assert.h"
#include "common/base/result.h"

namespace pennypost {

template <class T = void>
class Task;

namespace detail {

inline thread_local std::coroutine_handle<> next_to_resume;

/// Resumes a suspended coroutine, and then each waiter whose child has just finished.
inline void resume_chain(std::coroutine_handle<> handle) {
  auto outer = std::exchange(next_to_resume, nullptr);
  while (handle) {
    handle.resume();
    handle = std::exchange(next_to_resume, nullptr);
  }
  next_to_resume = outer;
}

class PromiseBase {
 public:
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      if (handle.promise().waiter_) next_to_resume = handle.promise().waiter_;
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }
  void set_waiter(std::coroutine_handle<> waiter) { waiter_ = waiter; }

 protected:
  void rethrow() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  std::coroutine_handle<> waiter_;
  std::exception_ptr exception_;
};

template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    ASSERT(value_.has_value());
    return *std::move(value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() {}
  void take() { rethrow(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      cancel();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { cancel(); }

  /// Destroys the coroutine, wherever it waits. It must not be running.
  void cancel() {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

  bool await_ready() {
    ASSERT(handle_);
    handle_.resume();
    return handle_.done();
  }
  void await_suspend(std::coroutine_handle<> waiter) { handle_.promise().set_waiter(waiter); }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace pennypost
