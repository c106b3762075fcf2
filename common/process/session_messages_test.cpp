#include "common/process/session_messages.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::control;

TEST_CASE("of all processes' sessions together no more are told than of one") {
  ListSessions::Answer all;
  ListSessions::Answer some;
  some.sessions.resize(sessions_told_max - 1);
  add_sessions(all, some);
  CHECK(all.sessions.size() == sessions_told_max - 1);
  ListSessions::Answer more;
  more.sessions.resize(2);
  more.sessions.front().user = "ann";
  add_sessions(all, more);
  REQUIRE(all.sessions.size() == sessions_told_max);
  CHECK(all.sessions.back().user == "ann");
  add_sessions(all, more);
  CHECK(all.sessions.size() == sessions_told_max);
}
