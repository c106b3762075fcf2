#include "common/metrics/figures.h"

#include <algorithm>

#include "common/metrics/layout.h"

namespace pennypost::metrics {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// The number of the series with these values among those of its row.
std::size_t series_of(Metric metric, std::string_view first, std::string_view second) {
  const auto number = static_cast<std::size_t>(metric);
  return find_value(rows[number].first_values, first) * second_counts[number] +
         find_value(rows[number].second_values, second);
}

std::atomic<std::int64_t>& gauge_of(Metric metric, std::string_view first) {
  auto place = places[static_cast<std::size_t>(metric)];
  return current().slot->gauges[place + series_of(metric, first, {})];
}

}  // namespace

Current& current() {
  static std::array<std::atomic<std::uint64_t>, counter_cells> own_counters{};
  static Slot own_slot{};
  static Current where{own_counters.data(), &own_slot};
  return where;
}

void count(Metric metric, std::string_view first, std::string_view second, std::uint64_t by) {
  auto place = places[static_cast<std::size_t>(metric)];
  current().counters[place + series_of(metric, first, second)].fetch_add(by, relaxed);
}

void observe(Metric metric, std::string_view first, std::chrono::microseconds duration) {
  const auto spent = std::max<std::int64_t>(duration.count(), 0);
  auto* cells = current().counters + places[static_cast<std::size_t>(metric)] +
                series_of(metric, first, {}) * histogram_cells;
  auto bucket = std::ranges::lower_bound(bucket_bounds, spent) - bucket_bounds.begin();
  cells[bucket].fetch_add(1, relaxed);
  cells[histogram_cells - 1].fetch_add(static_cast<std::uint64_t>(spent), relaxed);
}

void set(Metric metric, std::string_view first, std::int64_t value) {
  gauge_of(metric, first).store(value, relaxed);
}

Present::Present(Metric metric, std::string_view first) : place_(gauge_of(metric, first)) {
  place_.fetch_add(1, relaxed);
}

Present::~Present() { place_.fetch_sub(1, relaxed); }

void set_resident_memory(std::uint64_t bytes) { current().slot->resident.store(bytes, relaxed); }

}  // namespace pennypost::metrics
