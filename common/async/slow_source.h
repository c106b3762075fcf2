// Asks one source that may block for long on threads of its own, each call with a deadline.
//
// A SlowSource stands for one thing outside of this process that may fail to answer: the host's
// user database, a directory, a database server. Its threads are its own, so that a source which
// hangs holds up nobody but those who ask it. A call without an answer at its deadline gets "try
// later"; its thread is lost until the source lets it go, and then serves again. When all threads
// are lost, or `waiting_max` calls wait for one, a new call gets "try later" at once. No thread is
// begun in a lost one's place: what hangs can't grow.
//
// A call's work outlives its caller if it must, so it owns what it uses, until it has its answer.
//
// SEE ALSO   inquiry.h (evaluations that ask such sources), loop.h (offload: what is always short)
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/async/loop.h"
#include "common/base/result.h"

namespace pennypost {

class SlowSource {
 public:
  struct Limits {
    std::size_t threads = 4;  // begun when first needed
    // Calls that wait for a thread: a burst of mail for many users has as many, and a source that
    // answers is soon done with them.
    std::size_t waiting_max = 20'000;
    Duration deadline{10'000};  // of a call, its wait for a thread included
  };
  /// Hears once that the source is silent, and once that it answers again. Any thread.
  using Problem = std::function<void(const std::string& text)>;

  /// `name` begins the texts of errors: `user database`, `ldap:/etc/pennypost/users.cf`.
  SlowSource(std::string name, Limits limits, Problem on_problem = {});
  SlowSource(const SlowSource&) = delete;
  SlowSource& operator=(const SlowSource&) = delete;
  /// Ends the threads that serve no call, so that none of them is in a library which the end of the
  /// process takes down. One that serves a call ends when what it does lets it.
  ~SlowSource();

  class AnyCall;
  template <class T>
  class Call;

  /// Begins a call. `work` is called on a thread, at most once; what it throws is an Error.
  template <class T>
  std::shared_ptr<Call<T>> begin(std::function<Result<T>()> work) {
    auto call = std::make_shared<Call<T>>(std::move(work));
    submit(call);
    return call;
  }
  /// co_await source.finish(loop, call): returns when the call has its answer, or "try later".
  Task<> finish(Loop& loop, std::shared_ptr<AnyCall> call);
  /// The same, blocking the calling thread.
  void finish(AnyCall& call);

  /// Calls past their deadline that still hold a thread.
  std::size_t lost() const;
  const std::string& name() const;

 private:
  struct State;
  void submit(std::shared_ptr<AnyCall> call);
  void give_up(AnyCall& call);
  std::shared_ptr<State> state_;
};

/// A call of any type; shared by who asks and the thread.
class SlowSource::AnyCall {
 public:
  AnyCall() = default;
  AnyCall(const AnyCall&) = delete;
  AnyCall& operator=(const AnyCall&) = delete;
  virtual ~AnyCall() = default;
  bool is_finished() const;

 protected:
  /// Why there is no answer; nothing: there is one.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  friend class SlowSource;
  /// Calls the work, and keeps what it gave for keep().
  virtual void run() = 0;
  virtual void keep() = 0;
  void finish_with(std::optional<Error> failure);

  mutable std::mutex mutex_;
  std::condition_variable finished_;
  bool is_finished_ = false;
  std::optional<Error> failure_;
  Signal* waiter_ = nullptr;
  SteadyTime deadline_{};
};

template <class T>
class SlowSource::Call final : public AnyCall {
 public:
  explicit Call(std::function<Result<T>()> work) : work_(std::move(work)) {}
  /// Of a finished call.
  Result<T> answer() const {
    if (failure()) return *failure();
    return *value_;
  }

 private:
  void run() override {
    // What it owns goes before its caller hears of the answer, and perhaps ends the process.
    auto work = std::exchange(work_, nullptr);
    fresh_.emplace(work());
  }
  void keep() override { value_ = std::move(fresh_); }
  std::function<Result<T>()> work_;
  std::optional<Result<T>> fresh_;  // the thread's
  std::optional<Result<T>> value_;
};

}  // namespace pennypost
