// Shares the threads of offload() fairly, so that one party's many jobs do not hold up another's.
//
// A party is a group of tasks that gets a fair share, such as the sessions of one account. Waiting
// parties take turns, one job each. None has more than `share` threads while another waits for its
// share. If nobody waits, a party may have more for light work, except for a quarter of the
// threads, which stay free for newcomers. Heavy work, which keeps a processor busy or a thread for
// long, never gets more than the share.
//
// A party's work is best split into short jobs, since a running job keeps its thread.
//
// SEE ALSO   loop.h (offload), turn.h (the same on the loop's own thread)
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <utility>

#include "common/async/loop.h"

namespace pennypost {

class FairThreads {
 public:
  /// Light: done in some milliseconds, most of them waiting for a disk. Heavy: anything else.
  enum class Work { Light, Heavy };
  /// The position of a job among those of its party: First if it continues something that holds
  /// memory until it is done.
  enum class Place { Last, First };

  /// `threads` as given to Loop::set_offload_threads; all numbers are at least 1.
  FairThreads(Loop& loop, std::size_t threads, std::size_t share,
              std::size_t processors = processors_here());
  FairThreads(const FairThreads&) = delete;
  FairThreads& operator=(const FairThreads&) = delete;
  ~FairThreads();

  class Turn;
  class Party;
  class Lane;
  template <class Function>
  class Job;

  /// How many jobs have a thread.
  std::size_t running() const { return running_; }

 private:
  static std::size_t processors_here();
  bool may_begin(const Party& party, Work work) const;
  bool may_lend() const { return running_ + reserve_ < threads_; }
  void begin(Turn& turn);
  void end(Turn& turn);
  Turn* next_turn();
  void leave(Turn& turn);

  Loop& loop_;
  std::size_t threads_;
  std::size_t share_;
  std::size_t processors_;
  std::size_t reserve_;
  std::size_t running_ = 0;
  std::list<Party*> waiting_;  // parties with waiting turns; the next one is first
};

/// A party; the FairThreads must outlive it, and it must outlive its jobs.
class FairThreads::Party {
 public:
  explicit Party(FairThreads& threads) : threads_(threads) {}
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;
  ~Party() { ASSERT(turns_.empty() && running_ == 0); }

  /// co_await party.offload([&] { ... }): like Loop::offload, when it is this party's turn. For
  /// light work.
  template <class Function>
  Job<Function> offload(Function function) {
    return Job<Function>(*this, Work::Light, Place::Last, std::move(function));
  }
  /// The lane for this kind of work.
  Lane lane(Work work, Place place = Place::Last);
  /// Whether heavy work could begin now, and would find a processor that no other job keeps busy:
  /// then it pays to split a job in two.
  bool has_spare_thread() const;

 private:
  friend class FairThreads;
  FairThreads& threads_;
  std::list<Turn*> turns_;  // waiting; the next one is first
  std::size_t running_ = 0;
};

/// A party's way to a thread for one kind of work: `co_await lane.offload([&] { ... })`.
class FairThreads::Lane {
 public:
  Lane(Party& party, Work work, Place place) : party_(party), work_(work), place_(place) {}
  template <class Function>
  Job<Function> offload(Function function) const {
    return Job<Function>(party_, work_, place_, std::move(function));
  }

 private:
  Party& party_;
  Work work_;
  Place place_;
};

inline FairThreads::Lane FairThreads::Party::lane(Work work, Place place) {
  return Lane(*this, work, place);
}

/// Waits for a thread, and then has the right to it until destroyed.
class FairThreads::Turn {
 public:
  Turn(Party& party, Work work, Place place) : party_(party), work_(work), place_(place) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  virtual ~Turn();

 protected:
  /// Calls granted() at once, or when it is this one's turn.
  void ask();
  virtual void granted() = 0;

 private:
  friend class FairThreads;
  Party& party_;
  Work work_;
  Place place_;
  bool has_thread_ = false;
  std::optional<std::list<Turn*>::iterator> position_;  // among its party's waiting turns
};

template <class Function>
class FairThreads::Job final : Turn {
 public:
  using Value = typename Loop::Offload<Function>::Value;
  Job(Party& party, Work work, Place place, Function function)
      : Turn(party, work, place), offload_(party.threads_.loop_, std::move(function)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    ask();
  }
  Value await_resume() { return offload_.await_resume(); }

 private:
  void granted() override { offload_.await_suspend(handle_); }
  std::coroutine_handle<> handle_;
  Loop::Offload<Function> offload_;  // destroyed first: waits for its thread
};

}  // namespace pennypost
