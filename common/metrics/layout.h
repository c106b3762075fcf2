// Defines the rows of metrics.def as a table, and where each figure is in the shared memory.
//
// The memory of a daemon is a Page. It is read by other programs of the same build: `stamp` is made
// of the rows, so that another build's page is refused, not misread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/metrics/figures.h"

namespace pennypost::metrics {

enum class Type : std::uint8_t { Counter, Gauge, Histogram };

/// The upper bounds of a histogram's buckets, in microseconds; one more bucket has no bound.
inline constexpr std::array<std::int64_t, 10> bucket_bounds{
    10'000,      100'000,       1'000'000,      10'000'000,     60'000'000,
    600'000'000, 3'600'000'000, 21'600'000'000, 86'400'000'000, 432'000'000'000};
/// A bucket more for what is longer, and the sum.
inline constexpr std::size_t histogram_cells = bucket_bounds.size() + 2;

struct Row {
  std::string_view name;
  Type type;
  std::string_view daemons;
  std::string_view first_label;
  std::string_view first_values;
  std::string_view second_label;
  std::string_view second_values;
  std::string_view help;
};

inline constexpr std::array rows{
#define COUNTER(name, daemons, label1, values1, label2, values2, help) \
  Row{#name, Type::Counter, daemons, label1, values1, label2, values2, help},
#define GAUGE(name, daemons, label1, values1, label2, values2, help) \
  Row{#name, Type::Gauge, daemons, label1, values1, label2, values2, help},
#define HISTOGRAM(name, daemons, label1, values1, help) \
  Row{#name, Type::Histogram, daemons, label1, values1, "", "", help},
#include "common/metrics/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

/// How many values a list `a|b|c` has; an empty one has the one empty value.
constexpr std::size_t count_values(std::string_view list) {
  std::size_t count = 1;
  for (char c : list) count += c == '|' ? 1 : 0;
  return count;
}
/// The value of that number.
constexpr std::string_view value_at(std::string_view list, std::size_t number) {
  for (; number > 0; --number) list.remove_prefix(list.find('|') + 1);
  return list.substr(0, list.find('|'));
}
/// The number of a value; that of the last one if the list does not have it.
constexpr std::size_t find_value(std::string_view list, std::string_view value) {
  for (std::size_t number = 0;; ++number) {
    auto end = list.find('|');
    if (end == list.npos || list.substr(0, end) == value) return number;
    list.remove_prefix(end + 1);
  }
}

constexpr std::size_t cells_of(const Row& row) {
  auto series = count_values(row.first_values) * count_values(row.second_values);
  return row.type == Type::Histogram ? series * histogram_cells : series;
}

/// How many values the second label of each row has.
constexpr std::array<std::size_t, rows.size()> make_second_counts() {
  std::array<std::size_t, rows.size()> counts{};
  for (std::size_t i = 0; i < rows.size(); ++i) counts[i] = count_values(rows[i].second_values);
  return counts;
}
inline constexpr auto second_counts = make_second_counts();

/// Where the cells of each row begin; gauges are counted apart from the others.
constexpr std::array<std::size_t, rows.size()> make_places() {
  std::array<std::size_t, rows.size()> places{};
  std::size_t counters = 0;
  std::size_t gauges = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::size_t& next = rows[i].type == Type::Gauge ? gauges : counters;
    places[i] = next;
    next += cells_of(rows[i]);
  }
  return places;
}
inline constexpr auto places = make_places();

constexpr std::size_t count_cells(bool are_gauges) {
  std::size_t count = 0;
  for (const Row& row : rows) {
    if ((row.type == Type::Gauge) == are_gauges) count += cells_of(row);
  }
  return count;
}
inline constexpr std::size_t counter_cells = count_cells(false);
inline constexpr std::size_t gauge_cells = count_cells(true);

/// A hash of all that decides where a figure is (FNV-1a).
constexpr std::uint64_t make_stamp() {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const Row& row : rows) {
    for (std::string_view text : {row.name, row.first_values, row.second_values}) {
      for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      hash = (hash ^ '\n') * 0x100000001b3;
    }
  }
  return hash;
}
inline constexpr std::uint64_t stamp = make_stamp();

inline constexpr std::size_t processes_max = 1024;
inline constexpr std::size_t certificates_max = 64;
inline constexpr std::size_t name_bytes_max = 47;

/// A process of the daemon.
struct Slot {
  std::atomic<std::int32_t> pid;  // 0: no process
  std::array<char, name_bytes_max + 1> kind;
  std::atomic<std::uint64_t> resident;
  std::array<std::atomic<std::int64_t>, gauge_cells> gauges;
};
struct Certificate {
  std::array<char, name_bytes_max + 1> service;  // empty: none
  std::atomic<std::int64_t> not_after;           // seconds since 1970
};
struct Page {
  std::uint64_t stamp;
  std::int64_t started;  // seconds since 1970
  std::array<std::atomic<std::uint64_t>, counter_cells> counters;
  std::array<Certificate, certificates_max> certificates;
  std::array<Slot, processes_max> slots;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Where this process counts: by default, memory of its own.
struct Current {
  std::atomic<std::uint64_t>* counters;
  Slot* slot;
};
Current& current();

}  // namespace pennypost::metrics
