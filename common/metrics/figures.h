// Counts what a daemon does, in memory that all of its processes share.
//
// Counting is an addition to an integer: no system call, no message, no lock. The master makes the
// memory (figures_file.h) before it forks; a process that has none, such as a command or a test,
// counts for itself. Counters belong to the daemon, so nothing is lost when a process ends; gauges
// belong to the process, and end with it.
//
// A process in a stranger's hands can write any number here, and nothing else.
//
// SEE ALSO  metrics.def (what is counted), exposition.h (how it is shown)
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pennypost::metrics {

enum class Metric : std::uint8_t {
#define COUNTER(name, ...) name,
#define GAUGE(name, ...) name,
#define HISTOGRAM(name, ...) name,
#include "common/metrics/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

/// Adds to a counter: the one for these values of its labels.
void count(Metric metric, std::string_view first = {}, std::string_view second = {},
           std::uint64_t by = 1);

/// Notes one more duration in a histogram.
void observe(Metric metric, std::string_view first, std::chrono::microseconds duration);

/// Sets this process's part of a gauge.
void set(Metric metric, std::string_view first, std::int64_t value);

/// One of what a gauge counts, as long as it lives.
class Present {
 public:
  Present(Metric metric, std::string_view first);
  ~Present();
  Present(const Present&) = delete;
  Present& operator=(const Present&) = delete;

 private:
  std::atomic<std::int64_t>& place_;
};

/// Tells how much memory this process has now, in bytes.
void set_resident_memory(std::uint64_t bytes);

}  // namespace pennypost::metrics
