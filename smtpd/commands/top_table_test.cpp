#include "smtpd/commands/top_table.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

TEST_CASE("top shows each daemon, the rates between two looks, and the queue by age") {
  TopLook before;
  before.daemons.push_back({"smtpd", 100, 3, 10, 2, 1, 9, 50 << 20});
  before.received = 5;
  TopLook now;
  now.daemons.push_back({"smtpd", 90'000, 4, 30, 2, 5, 9, 60 << 20});
  now.received = 9;
  now.sent = 1;
  now.queue = {{"5m", 2}, {"10m", 0}, {"older", 1}};
  CHECK(top_table(before, now, 2) ==
        "                up  sessions   connects/s  logins/s  failed/s  processes   memory\n"
        "smtpd        1d 1h         4         10.0       0.0       2.0          9      60M\n"
        "\n"
        "mail     received/s 2.0, sent/s 0.5, deferred/s 0.0, returned/s 0.0, refused/s 0.0\n"
        "queue    3 messages; by age: 5m 2, older 1\n");
}

TEST_CASE("the counters of a daemon that was started anew begin again") {
  TopLook before;
  before.daemons.push_back({"popd", 100, 0, 1000, 0, 0, 3, 0});
  TopLook now;
  now.daemons.push_back({"popd", 1, 0, 4, 0, 0, 3, 0});
  CHECK(top_table(before, now, 2).find("         2.0       0.0") != std::string::npos);
  CHECK(top_table({}, now, 2).find("         2.0       0.0") != std::string::npos);
}
