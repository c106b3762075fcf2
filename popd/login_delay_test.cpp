#include "popd/login_delay.h"

#include <doctest/doctest.h>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace std::chrono_literals;

TEST_CASE("a login before the delay is over is told how long to wait, and does not count itself") {
  Scratch scratch;
  ManualClock clock;
  auto place = scratch / "new/index";
  CHECK(*pop::note_login(place, 60s, clock) == 0s);
  clock.advance(20s);
  CHECK(*pop::note_login(place, 60s, clock) == 40s);
  clock.advance(40s);
  CHECK(*pop::note_login(place, 60s, clock) == 0s);
}

TEST_CASE("a last login in the future, left by a clock that was wrong, keeps nobody out") {
  Scratch scratch;
  ManualClock clock;
  clock.advance(1h);
  CHECK(*pop::note_login(scratch / "", 60s, clock) == 0s);
  clock.advance(-1h);
  CHECK(*pop::note_login(scratch / "", 60s, clock) == 0s);
}
