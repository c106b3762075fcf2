#include "common/async/shared_work.h"

#include <atomic>
#include <exception>

#include "common/async/nursery.h"

namespace pennypost {
namespace {

// Asks for its thread when the first call has asked for its own. Calls nothing if it comes too late
// to take the second call.
Task<> help(Loop& loop, FairThreads::Party& party, const std::function<void()>& work,
            std::atomic<bool>& is_taken) {
  co_await loop.yield();
  if (!party.has_spare_thread()) co_return;
  auto lane = party.lane(FairThreads::Work::Heavy);
  co_await lane.offload([&] {
    if (!is_taken.exchange(true)) work();
  });
}

}  // namespace

Task<> share_work(Loop& loop, FairThreads::Party& party, FairThreads::Place place,
                  std::function<void()> work) {
  std::exception_ptr failure;
  std::atomic<bool> is_taken = false;
  Nursery helpers(loop);
  helpers.on_exception([&](std::exception_ptr thrown) { failure = std::move(thrown); });
  helpers.start(help(loop, party, work, is_taken));
  bool has_helper = false;
  auto lane = party.lane(FairThreads::Work::Heavy, place);
  co_await lane.offload([&] {
    work();
    has_helper = is_taken.exchange(true);
  });
  // A helper that has not begun, since all processors are busy, would only hold this up.
  if (has_helper) {
    co_await helpers.join();
  } else {
    helpers.cancel();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pennypost
