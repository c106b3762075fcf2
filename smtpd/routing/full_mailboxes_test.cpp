#include "smtpd/routing/full_mailboxes.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

TEST_CASE("a full mailbox is remembered until a delivery succeeds or five minutes have passed") {
  ManualClock clock;
  FullMailboxes full(clock);
  CHECK(full.empty());
  full.note("ann", true);
  full.note("bob", true);
  CHECK(full.contains("ann"));
  CHECK_FALSE(full.contains("eve"));
  full.note("ann", false);
  CHECK_FALSE(full.contains("ann"));
  clock.advance(299s);
  CHECK(full.contains("bob"));
  full.note("bob", true);
  clock.advance(2s);
  CHECK(full.contains("bob"));  // noted again
  clock.advance(299s);
  CHECK_FALSE(full.contains("bob"));
  full.note("eve", false);
  CHECK(full.empty());
}

TEST_CASE("of more full mailboxes than are remembered the oldest are forgotten") {
  ManualClock clock;
  FullMailboxes full(clock);
  for (std::size_t i = 0; i <= full_mailboxes_max; ++i) {
    full.note("user" + std::to_string(i), true);
    clock.advance(Microseconds(1));
  }
  CHECK_FALSE(full.contains("user0"));
  CHECK(full.contains("user1"));
  CHECK(full.contains("user" + std::to_string(full_mailboxes_max)));
}
