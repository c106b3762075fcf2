#include "smtpd/scheduler/queue_ages.h"

#include <doctest/doctest.h>

#include "common/base/clock.h"
#include "common/metrics/layout.h"
#include "smtpd/queue/queue_id.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

std::int64_t shown(std::string_view age) {
  auto row = static_cast<std::size_t>(metrics::Metric::queue_messages);
  auto value = metrics::find_value(metrics::rows[row].first_values, age);
  return metrics::current().slot->gauges[metrics::places[row] + value].load();
}

}  // namespace

TEST_CASE("an id tells when it was made, and what is none tells nothing") {
  CHECK(time_of_queue_id("4Zk2Qn1") == 0);
  CHECK(time_of_queue_id("") == 0);
  // Ids never go back, and other tests of this process have made some in their own future.
  ManualClock clock(Clock::system().now() + std::chrono::hours(24 * 365 * 10));
  CHECK(time_of_queue_id(make_queue_id(clock).value()) == clock.now().count());
}

TEST_CASE("messages are counted by their age, and no longer when they are gone") {
  QueueAges ages;
  auto fresh = make_queue_id().value();
  const std::int64_t seconds = time_of_queue_id(fresh) / 1'000'000;
  ages.add(fresh);
  ages.show(seconds);
  CHECK(shown("5m") == 1);
  ages.show(seconds + 7 * 60);
  CHECK(shown("5m") == 0);
  CHECK(shown("10m") == 1);
  ages.show(seconds + 3 * 24 * 3600);
  CHECK(shown("older") == 1);
  ages.remove(fresh);
  ages.show(seconds);
  CHECK(shown("5m") == 0);
  CHECK(shown("older") == 0);
}
