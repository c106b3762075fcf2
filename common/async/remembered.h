// Keeps an answer that many tasks need for a while, so that one of them asks for it and the others
// wait for what it hears.
//
//   Remembered<bool> offer(loop, Duration(1000), false);
//   bool now = co_await offer.value([&] { return ask(); });
//
// Nobody asks while nobody wants to know.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "common/async/loop.h"

namespace pennypost {

template <class Value>
class Remembered {
 public:
  /// Gives the answer; nothing: it can't be had now, and the last one stays.
  using Ask = std::function<Task<std::optional<Value>>()>;

  /// `value` holds until the first answer; with a `lifetime` of zero every answer is newer than its
  /// question.
  Remembered(Loop& loop, Duration lifetime, Value value)
      : loop_(loop), lifetime_(lifetime), value_(std::move(value)), answered_(loop) {}
  Remembered(const Remembered&) = delete;
  Remembered& operator=(const Remembered&) = delete;

  /// What was last heard, if that is not older than `lifetime`; else `ask` is asked first. Must not
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
  /// Ends also with a task that is given up.
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
