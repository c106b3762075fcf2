#include <doctest/doctest.h>

#include "smtpd/routing/sts_question.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A world whose `lookup` knows a policy of strict.test, and answers nothing about slow.test.
struct StsWorld : World {
  StsWorld() : World({"smtp_tls_mta_sts=yes"}) {
    lookup.services.on<FindStsPolicy>(
        [this](FindStsPolicy ask, std::vector<Descriptor>) { return find(std::move(ask.domain)); });
    on_whole_attempt = [this](const Attempt& attempt, const Recipient&) {
      modes[attempt.route.next_hop] = attempt.route.sts.mode;
      return outcome(OutcomeKind::Delivered, "2.0.0", "ok");
    };
  }
  Task<Result<StsPolicy>> find(std::string domain) {
    StsPolicy policy;
    if (domain == "strict.test") policy.mode = StsMode::Enforce;
    if (domain == "slow.test") co_await never.wait();
    if (domain == "failing.test") co_return Error::temporary("4.3.5", "no tables");
    co_return std::move(policy);
  }
  Task<> pause() { co_await loop.sleep(Duration(5)); }
  std::map<std::string, StsMode> modes;
};

}  // namespace

TEST_CASE(
    "an attempt carries the MTA-STS policy of its next hop, and one that is slow waits alone") {
  StsWorld world;
  REQUIRE(world.submit({"a@strict.test", "b@plain.test", "c@slow.test", "d@failing.test"}));
  for (int turn = 0; turn < 200 && world.modes.size() < 2; ++turn) {
    world.loop.run_until(world.pause());
  }
  CHECK(world.modes == std::map<std::string, StsMode>{{"strict.test", StsMode::Enforce},
                                                      {"plain.test", StsMode::None}});
}
