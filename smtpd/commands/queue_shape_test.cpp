#include "smtpd/commands/queue_shape.h"

#include <doctest/doctest.h>

#include <sstream>

#include "smtpd/commands/testing.h"

using namespace pennypost::smtp;

TEST_CASE("the shape of a queue is qshape's table of domains and ages") {
  QueueShape shape({});
  for (int i = 0; i < 3; ++i) shape.add("a@big.example", 60);
  shape.add("B@BIG.example.", 5 * 60);
  shape.add("c@big.example", 20 * 60 - 1);
  shape.add("", 1279 * 60);
  shape.add("d@old..example", 1280 * 60);
  CHECK(shape.text() ==
        "                                         T  5 10 20 40 80 160 320 640 1280 1280+\n"
        "                                  TOTAL  7  3  1  1  0  0   0   0   0    1     1\n"
        "                            big.example  5  3  1  1  0  0   0   0   0    0     0\n"
        "                            old.example  1  0  0  0  0  0   0   0   0    0     1\n"
        "                          MAILER-DAEMON  1  0  0  0  0  0   0   0   0    1     0\n");
}

TEST_CASE("the shape's columns are as many and as wide as asked for, and parents have a dot") {
  QueueShape::Options options;
  options.buckets = 3;
  options.minutes = 2;
  options.is_linear = true;
  options.has_parents = true;
  options.subdomains = 2;
  options.columns = 20;
  QueueShape shape(options);
  shape.add("x@one.example.com", 0);
  shape.add("x@two.example.com", 239);
  shape.add("x@a-name-that-is-too-long.example.com", 240);
  shape.add("x@alone.example.net", 0);
  CHECK(shape.text() ==
        "                    T  2  4 4+\n"
        "             TOTAL  4  2  1  1\n"
        "      .example.com  3  1  1  1\n"
        "   one.example.com  1  1  0  0\n"
        "   two.example.com  1  0  1  0\n"
        " alone.example.net  1  1  0  0\n"
        "+-long.example.com  1  0  0  1\n");
}

TEST_CASE("the shape of a queue takes qshape's options, and no others") {
  CommandHouse house(&queue);
  house.configure("");
  for (const char* wrong : {"-b0", "-b41", "-t", "-x", "maildrop", "-wx", "-m100001"}) {
    CAPTURE(wrong);
    CHECK(house.run({"shape", wrong}) == 64);
    CHECK(house.err.find("usage: pennypost queue shape") != std::string::npos);
  }
  CHECK(house.run({"shapes"}) == 64);
  // Right ones, to a queue that is not there.
  CHECK(house.run({"shape", "-lps", "-b", "40", "-t5", "-w", "132", "hold", "deferred"}) == 69);
}
