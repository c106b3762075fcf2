// Runs tasks that no frame awaits; they end when their owner, such as a session, does.
//
// An exception that a task throws is passed to the nursery's `on_exception`; without a handler it
// is a bug and panics.
#pragma once

#include <cstddef>
#include <functional>
#include <list>

#include "common/async/loop.h"
#include "common/async/task.h"

namespace pennypost {

class Nursery {
 public:
  explicit Nursery(Loop& loop);
  /// Cancels every task that still runs. Must not be called from one of them.
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  /// Starts the task and runs it to its first wait.
  void start(Task<> task);
  std::size_t size() const { return running_; }
  bool empty() const { return running_ == 0; }
  /// Returns when no task is left.
  Task<> join();
  /// Cancels every task. Must not be called from one of them.
  void cancel();
  /// Sets the handler for an exception that a task did not catch; without one the nursery panics.
  void on_exception(std::function<void(std::exception_ptr)> handler) {
    on_exception_ = std::move(handler);
  }

 private:
  struct Root;
  struct Child;
  Root run(Task<> task, std::list<Child>::iterator self);
  void reap();

  std::list<Child> children_;
  std::list<Child> ended_;  // finished; destroyed when none of them is running
  std::size_t running_ = 0;
  Event changed_;
  std::function<void(std::exception_ptr)> on_exception_;
};

}  // namespace pennypost
