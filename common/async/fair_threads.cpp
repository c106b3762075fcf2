#include "common/async/fair_threads.h"

#include <algorithm>
#include <thread>

namespace pennypost {

FairThreads::FairThreads(Loop& loop, std::size_t threads, std::size_t share, std::size_t processors)
    : loop_(loop),
      threads_(threads),
      share_(share),
      processors_(processors),
      reserve_((threads + 3) / 4) {
  ASSERT(threads_ >= 1 && share_ >= 1 && processors_ >= 1);
}

FairThreads::~FairThreads() { ASSERT(waiting_.empty() && running_ == 0); }

std::size_t FairThreads::processors_here() {
  return std::max(std::thread::hardware_concurrency(), 1u);
}

bool FairThreads::Party::has_spare_thread() const {
  return threads_.running_ < threads_.processors_ && threads_.may_begin(*this, Work::Heavy);
}

bool FairThreads::may_begin(const Party& party, Work work) const {
  if (running_ >= threads_) return false;
  return party.running_ < share_ || (work == Work::Light && may_lend());
}

void FairThreads::begin(Turn& turn) {
  ++running_;
  ++turn.party_.running_;
  turn.has_thread_ = true;
  turn.granted();
}

// A free thread is given at once to a waiting turn that may have it, so newcomers never overtake
// waiting turns.
void FairThreads::end(Turn& turn) {
  --running_;
  --turn.party_.running_;
  while (running_ < threads_) {
    Turn* next = next_turn();
    if (next == nullptr) return;
    leave(*next);
    auto& party = next->party_;
    if (!party.turns_.empty()) {
      // The party goes to the end of the queue.
      std::erase(waiting_, &party);
      waiting_.push_back(&party);
    }
    begin(*next);
  }
}

// The first party that has less than its share; if there is none, one that may have more.
FairThreads::Turn* FairThreads::next_turn() {
  for (auto* party : waiting_) {
    if (party->running_ < share_) return party->turns_.front();
  }
  if (!may_lend()) return nullptr;
  for (auto* party : waiting_) {
    auto is_light = [](const Turn* turn) { return turn->work_ == Work::Light; };
    auto found = std::ranges::find_if(party->turns_, is_light);
    if (found != party->turns_.end()) return *found;
  }
  return nullptr;
}

void FairThreads::leave(Turn& turn) {
  auto& party = turn.party_;
  party.turns_.erase(*std::exchange(turn.position_, std::nullopt));
  if (party.turns_.empty()) std::erase(waiting_, &party);
}

FairThreads::Turn::~Turn() {
  auto& threads = party_.threads_;
  if (position_) threads.leave(*this);
  if (has_thread_) threads.end(*this);
}

void FairThreads::Turn::ask() {
  auto& threads = party_.threads_;
  if (threads.may_begin(party_, work_)) return threads.begin(*this);
  auto& turns = party_.turns_;
  if (turns.empty()) threads.waiting_.push_back(&party_);
  position_ = turns.insert(place_ == Place::First ? turns.begin() : turns.end(), this);
}

}  // namespace pennypost
