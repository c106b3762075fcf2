#include "common/async/shared_work.h"

#include <exception>

#include "common/async/nursery.h"

namespace pennypost {
namespace {

// Asks for its thread when the first call has asked for its own.
Task<> help(Loop& loop, FairThreads::Party& party, const std::function<void()>& work) {
  co_await loop.yield();
  if (!party.has_spare_thread()) co_return;
  auto lane = party.lane(FairThreads::Work::Heavy);
  co_await lane.offload([&] { work(); });
}

}  // namespace

Task<> share_work(Loop& loop, FairThreads::Party& party, FairThreads::Place place,
                  std::function<void()> work) {
  std::exception_ptr failure;
  Nursery helpers(loop);
  helpers.on_exception([&](std::exception_ptr thrown) { failure = std::move(thrown); });
  helpers.start(help(loop, party, work));
  auto lane = party.lane(FairThreads::Work::Heavy, place);
  co_await lane.offload([&] { work(); });
  co_await helpers.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pennypost
