#include "store/kv/write_pace.h"

#include <algorithm>

namespace pennypost::store {
namespace {

// Fast enough that table file and zeros are both done before the next memtable is full.
constexpr double faster_than_filled = 3;
constexpr std::int64_t refill_microseconds = 2'000;
constexpr std::int32_t fairness = 10;  // of ten, one goes to merging before a memtable

}  // namespace

WritePace::WritePace()
    : limiter_(rocksdb::NewGenericRateLimiter(pace_min, refill_microseconds, fairness)),
      begun_(std::chrono::steady_clock::now()) {}

void WritePace::begin_memtable(std::size_t bytes, std::chrono::steady_clock::time_point now) {
  std::chrono::duration<double> took = now - begun_.exchange(now);
  double wanted = faster_than_filled * static_cast<double>(bytes) / std::max(took.count(), 1e-3);
  auto most = static_cast<double>(pace_max);
  auto least = static_cast<double>(pace_min);
  limiter_->SetBytesPerSecond(static_cast<std::int64_t>(std::clamp(wanted, least, most)));
}

}  // namespace pennypost::store
