#include "store/kv/write_pace.h"

#include <doctest/doctest.h>

using namespace pennypost::store;
using namespace std::chrono_literals;

TEST_CASE("what follows from a full memtable is spread over the time that it took to fill") {
  WritePace pace;
  auto now = std::chrono::steady_clock::now();
  CHECK(pace.bytes_per_second() == pace_min);
  pace.begin_memtable(24 << 20, now);
  pace.begin_memtable(24 << 20, now += 500ms);
  CHECK(pace.bytes_per_second() == 144 << 20);
  pace.begin_memtable(24 << 20, now += 1h);
  CHECK(pace.bytes_per_second() == pace_min);
  pace.begin_memtable(24 << 20, now);
  CHECK(pace.bytes_per_second() == pace_max);

  pace.begin_memtable(24 << 20, now += 500ms);
  pace.hurry();
  CHECK(pace.bytes_per_second() == pace_max);
}
