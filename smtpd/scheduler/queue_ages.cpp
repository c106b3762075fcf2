#include "smtpd/scheduler/queue_ages.h"

#include <array>

#include "common/metrics/figures.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

constexpr std::int64_t minute_microseconds = 60'000'000;

struct Age {
  std::int64_t minutes;
  std::string_view label;
};
constexpr std::array ages{Age{5, "5m"},     Age{10, "10m"},   Age{20, "20m"},
                          Age{40, "40m"},   Age{80, "80m"},   Age{160, "160m"},
                          Age{320, "320m"}, Age{640, "640m"}, Age{1280, "1280m"}};

std::int64_t minute_of(std::string_view id) { return time_of_queue_id(id) / minute_microseconds; }

}  // namespace

void QueueAges::add(std::string_view id) { ++by_minute_[minute_of(id)]; }

void QueueAges::remove(std::string_view id) {
  auto found = by_minute_.find(minute_of(id));
  if (found != by_minute_.end() && --found->second == 0) by_minute_.erase(found);
}

void QueueAges::show(std::int64_t now) const {
  std::array<std::int64_t, ages.size() + 1> counts{};
  for (const auto& [minute, count] : by_minute_) {
    std::size_t age = 0;
    while (age < ages.size() && now / 60 - minute >= ages[age].minutes) ++age;
    counts[age] += count;
  }
  for (std::size_t i = 0; i < ages.size(); ++i) {
    metrics::set(metrics::Metric::queue_messages, ages[i].label, counts[i]);
  }
  metrics::set(metrics::Metric::queue_messages, "older", counts.back());
}

}  // namespace pennypost::smtp
