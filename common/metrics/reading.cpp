#include "common/metrics/reading.h"

namespace pennypost::metrics {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// Calls `use` with the place of each series of a row that these values mean.
template <class Use>
void each_series(Metric metric, std::string_view first, std::string_view second, Use use) {
  const auto number = static_cast<std::size_t>(metric);
  const Row& row = rows[number];
  const auto seconds = count_values(row.second_values);
  for (std::size_t i = 0; i < count_values(row.first_values) * seconds; ++i) {
    bool is_first = first.empty() || value_at(row.first_values, i / seconds) == first;
    bool is_second = second.empty() || value_at(row.second_values, i % seconds) == second;
    if (is_first && is_second) use(places[number] + i);
  }
}

}  // namespace

std::uint64_t read_counter(const Page& page, Metric metric, std::string_view first,
                           std::string_view second) {
  std::uint64_t sum = 0;
  each_series(metric, first, second,
              [&](std::size_t place) { sum += page.counters[place].load(relaxed); });
  return sum;
}

std::int64_t read_gauge(const Page& page, Metric metric, std::string_view first) {
  std::int64_t sum = 0;
  each_series(metric, first, {}, [&](std::size_t place) {
    for (const Slot& slot : page.slots) {
      if (slot.pid.load(relaxed) > 0) sum += slot.gauges[place].load(relaxed);
    }
  });
  return sum;
}

ProcessFigures read_processes(const Page& page) {
  ProcessFigures figures;
  for (const Slot& slot : page.slots) {
    if (slot.pid.load(relaxed) <= 0) continue;
    ++figures.count;
    figures.resident_bytes += slot.resident.load(relaxed);
  }
  return figures;
}

}  // namespace pennypost::metrics
