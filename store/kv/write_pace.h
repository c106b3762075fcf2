// Paces background writes, so that commits don't wait behind a flush.
//
// When a memtable is full it becomes a table file, and its log is filled with zeros
// (log_reserve.h): twice as much as was committed. At full speed each commit would wait behind all
// of that, for a tenth of a second. So both are spread over the time that the next memtable is
// expected to take to fill, which is how long this one took. If it is nearly full before they are
// done, they speed up.
//
// All members may be called from several threads.
#pragma once

#include <rocksdb/rate_limiter.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pennypost::store {

inline constexpr std::int64_t pace_min = 64 << 20;               ///< octets a second
inline constexpr std::int64_t pace_max = std::int64_t{4} << 30;  ///< practically unlimited

class WritePace {
 public:
  WritePace();

  /// A memtable of `bytes` octets is full, and the next one begins.
  void begin_memtable(std::size_t bytes, std::chrono::steady_clock::time_point now);
  /// Removes the limit until the next memtable begins.
  void hurry() { limiter_->SetBytesPerSecond(pace_max); }

  std::int64_t bytes_per_second() const { return limiter_->GetBytesPerSecond(); }
  /// For RocksDB's table files.
  const std::shared_ptr<rocksdb::RateLimiter>& limiter() const { return limiter_; }

 private:
  std::shared_ptr<rocksdb::RateLimiter> limiter_;
  std::atomic<std::chrono::steady_clock::time_point> begun_;
};

}  // namespace pennypost::store
