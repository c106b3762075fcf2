// Caches for a while an answer that many tasks need; one of them asks for it and the others wait.
//
//   Remembered<bool> offer(loop, Duration(1000), false);
//   bool now = co_await offer.value([&] { return ask(); });
//
// It asks only when a task wants the answer.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "common/async/loop.h"

namespace pennypost {

template <class Value>
class Remembered {
 public:
  /// Returns the answer, or nothing if there is none now; then the last one stays.
  using Ask = std::function<Task<std::optional<Value>>()>;

  /// `value` is used until the first answer. With a `lifetime` of zero every call waits for an
  /// answer that was asked for after the call.
  Remembered(Loop& loop, Duration lifetime, Value value)
      : loop_(loop), lifetime_(lifetime), value_(std::move(value)), answered_(loop) {}
  Remembered(const Remembered&) = delete;
  Remembered& operator=(const Remembered&) = delete;

  /// The last answer, if it is not older than `lifetime`; else calls `ask` first. The task must not
  /// outlive this object.
  Task<Value> value(Ask ask) {
    while (is_asking_) co_await answered_.wait();
    bool is_fresh = asked_at_ && loop_.now() - *asked_at_ < lifetime_;
    if (is_fresh) co_return value_;
    Asking asking(*this);
    asked_at_ = loop_.now();
    auto work = ask();
    auto answer = co_await std::move(work);
    if (answer) value_ = *std::move(answer);
    co_return value_;
  }

 private:
  /// Marks that a task is asking; also ends if the task is cancelled.
  class Asking {
   public:
    explicit Asking(Remembered& of) : of_(of) { of_.is_asking_ = true; }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    ~Asking() {
      of_.is_asking_ = false;
      of_.answered_.notify_all();
    }

   private:
    Remembered& of_;
  };

  Loop& loop_;
  Duration lifetime_;
  Value value_;
  Event answered_;
  std::optional<SteadyTime> asked_at_;
  bool is_asking_ = false;
};

}  // namespace pennypost
