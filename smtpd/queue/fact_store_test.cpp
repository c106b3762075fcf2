#include "smtpd/queue/fact_store.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/base/scratch.h"
#include "common/log/sink.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Host {
  std::optional<std::string> find(FactStore& in, const std::string& key) {
    return loop.run_until(in.find(key));
  }

  LogCapture log;
  Loop loop;
  ManualClock clock;
  Scratch scratch;
  std::filesystem::path directory = std::filesystem::path(scratch / "remembered");
};

}  // namespace

TEST_CASE("what is remembered is known at once, after it is written, and after a restart") {
  Host host;
  {
    FactStore first(host.loop, host.directory, host.clock);
    first.keep("c/192.0.2.1", "one", host.clock.now_seconds() + 10);
    CHECK(host.find(first, "c/192.0.2.1") == "one");
    host.loop.run_until(first.settle());
    CHECK(host.find(first, "c/192.0.2.1") == "one");
    first.keep("c/192.0.2.1", "two", host.clock.now_seconds() + 10);
    first.keep("d/x", "other", host.clock.now_seconds() + 10);
    host.loop.run_until(first.settle());
  }
  FactStore second(host.loop, host.directory, host.clock);
  auto all = host.loop.run_until(second.all("c/"));
  REQUIRE(all.size() == 1);
  CHECK(all[0].first == "c/192.0.2.1");
  CHECK(host.find(second, "c/192.0.2.1") == "two");
  CHECK_FALSE(host.find(second, "c/192.0.2.2"));
}

TEST_CASE("what has expired is unknown, and purged from the database") {
  Host host;
  FactStore::Limits limits;
  limits.entries_max = 2;
  FactStore remembered(host.loop, host.directory, host.clock, limits);
  host.loop.run_until(remembered.settle());
  remembered.keep("a", "1", host.clock.now_seconds() + 10);
  remembered.keep("b", "2", host.clock.now_seconds() + 100);
  remembered.keep("c", "3", host.clock.now_seconds() + 100);
  host.loop.run_until(remembered.settle());
  // The third was one too many.
  CHECK_FALSE(host.find(remembered, "c"));
  host.clock.advance(Seconds(10));
  CHECK_FALSE(host.find(remembered, "a"));
  CHECK(host.find(remembered, "b") == "2");
  host.loop.run_until(remembered.purge());
  remembered.keep("c", "3", host.clock.now_seconds() + 100);
  CHECK(host.find(remembered, "c") == "3");
}

TEST_CASE("without a database the latest facts are known nonetheless, and a warning tells why") {
  Host host;
  std::ofstream(host.directory) << "in the way";
  FactStore remembered(host.loop, host.directory, host.clock);
  remembered.keep("a", "1", host.clock.now_seconds() + 10);
  CHECK(host.loop.run_until(remembered.all("")).empty());
  CHECK(host.find(remembered, "a") == "1");
  CHECK(host.log.last().find("what should be remembered is lost at a restart") !=
        std::string::npos);
}
