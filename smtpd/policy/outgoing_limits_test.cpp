#include "smtpd/policy/outgoing_limits.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"
#include "common/log/sink.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Desk {
  explicit Desk(std::vector<std::string> settings) : config(config_for_test(std::move(settings))) {}

  OutgoingLimits make() {
    return OutgoingLimits(clock, [this](std::string key, std::string value, std::int64_t) {
      kept[key] = std::move(value);
    });
  }

  ManualClock clock;
  LogCapture log;
  std::map<std::string, std::string> kept;
  std::shared_ptr<const Config> config;
};

}  // namespace

TEST_CASE("a user may send up to the limit, and again when enough of the hour has passed") {
  Desk desk({"outgoing_user_recipients_per_hour=10"});
  auto limits = desk.make();
  CHECK(limits.note("ann@example.com", 6, 0, *desk.config));
  CHECK(limits.allowance("ann@example.com", *desk.config).recipients == 4);
  CHECK(limits.allowance("bob@example.com", *desk.config).recipients == 10);
  auto refused = limits.note("ann@example.com", 5, 0, *desk.config);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == 450);
  CHECK(refused.error().text() == "Error: too much mail from ann@example.com");
  CHECK(desk.log.last() ==
        "qmgr: warning: ann@example.com has reached "
        "outgoing_user_recipients_per_hour: mail to 5 recipients is refused");
  // What was refused is not counted.
  CHECK(limits.note("ann@example.com", 4, 0, *desk.config));
  CHECK(limits.allowance("ann@example.com", *desk.config).recipients == 0);
  desk.clock.advance(std::chrono::minutes(54));
  CHECK(limits.allowance("ann@example.com", *desk.config).recipients == 0);
  desk.clock.advance(std::chrono::minutes(6));
  CHECK(limits.allowance("ann@example.com", *desk.config).recipients == 10);
}

TEST_CASE("messages and recipients, hours and days, users and domains have limits of their own") {
  struct Row {
    const char* setting;
    std::chrono::minutes until;
    bool is_of_domain;
  };
  for (const Row& row : {Row{"outgoing_user_messages_per_hour", std::chrono::hours(1), false},
                         Row{"outgoing_user_messages_per_day", std::chrono::hours(24), false},
                         Row{"outgoing_user_recipients_per_day", std::chrono::hours(24), false},
                         Row{"outgoing_domain_messages_per_hour", std::chrono::hours(1), true},
                         Row{"outgoing_domain_messages_per_day", std::chrono::hours(24), true},
                         Row{"outgoing_domain_recipients_per_hour", std::chrono::hours(1), true},
                         Row{"outgoing_domain_recipients_per_day", std::chrono::hours(24), true}}) {
    CAPTURE(row.setting);
    Desk desk({std::string(row.setting) + "=2"});
    auto limits = desk.make();
    CHECK(limits.note("ann@example.com", 1, 0, *desk.config));
    CHECK(limits.note("ann@example.com", 1, 0, *desk.config));
    CHECK_FALSE(limits.note("ann@example.com", 1, 0, *desk.config));
    CHECK(limits.allowance("ann@example.com", *desk.config).limit == row.setting);
    CHECK(limits.note("ann@example.org", 1, 0, *desk.config));
    bool may_colleague = limits.note("bob@Example.com", 1, 0, *desk.config).has_value();
    CHECK(may_colleague == !row.is_of_domain);
    desk.clock.advance(row.until - std::chrono::minutes(61));
    CHECK(limits.allowance("ann@example.com", *desk.config).recipients == 0);
    desk.clock.advance(std::chrono::minutes(61));
    CHECK(limits.note("ann@example.com", 1, 0, *desk.config));
  }
}

TEST_CASE("postmaster is warned once in the hour, at the percentage that is set") {
  Desk desk({"outgoing_user_messages_per_hour=10", "outgoing_limit_warning_percent=50"});
  auto limits = desk.make();
  std::size_t warned = 0;
  for (int i = 1; i <= 10; ++i) {
    auto warnings = limits.note("ann@example.com", 1, 0, *desk.config);
    REQUIRE(warnings);
    warned += warnings->size();
    CHECK(warned == (i < 5 ? 0u : 1u));
    if (warnings->empty()) continue;
    CHECK(warnings->front().sender == "ann@example.com");
    CHECK(warnings->front().setting == "outgoing_user_messages_per_hour");
    CHECK(warnings->front().used == 5);
    CHECK(warnings->front().limit == 10);
  }
  desk.clock.advance(std::chrono::hours(1));
  for (int i = 1; i <= 5; ++i) warned += limits.note("ann@example.com", 1, 0, *desk.config)->size();
  CHECK(warned == 2);
}

TEST_CASE("counts outlive a restart") {
  Desk desk({"outgoing_user_messages_per_day=2"});
  {
    auto limits = desk.make();
    CHECK(limits.note("ann@example.com", 1, 0, *desk.config));
    CHECK(limits.note("ann@example.com", 1, 0, *desk.config));
  }
  auto limits = desk.make();
  for (const auto& [key, value] : desk.kept) limits.restore(key, value);
  limits.restore("o/bob@example.com", "garbage");
  CHECK_FALSE(limits.note("ann@example.com", 1, 0, *desk.config));
  CHECK(limits.note("bob@example.com", 1, 0, *desk.config));
}

TEST_CASE("a known user who suddenly writes to many new recipients is refused") {
  Desk desk({"outgoing_user_new_recipients_percent=50", "outgoing_user_new_recipients_min=10"});
  auto limits = desk.make();
  // Of a user who has just begun nearly all recipients are new.
  CHECK(limits.note("ann@example.com", 20, 20, *desk.config));
  desk.clock.advance(history_min);
  CHECK(limits.note("ann@example.com", 8, 8, *desk.config));  // too few to judge
  auto refused = limits.note("ann@example.com", 2, 2, *desk.config);
  REQUIRE_FALSE(refused);
  CHECK(desk.log.last() ==
        "qmgr: warning: ann@example.com has reached outgoing_user_new_recipients_percent: mail to "
        "2 recipients is refused");
  CHECK(limits.note("ann@example.com", 10, 0, *desk.config));
  CHECK(limits.note("ann@example.com", 1, 1, *desk.config));
  CHECK_FALSE(limits.note("ann@example.com", 3, 3, *desk.config));
}

TEST_CASE("exempt users and domains have no limits") {
  Desk desk({"outgoing_user_messages_per_day=1",
             "outgoing_limit_exempt_users=lists, @example.org, Ann@example.com"});
  auto limits = desk.make();
  for (const char* user : {"lists", "bob@example.org", "ann@example.com"}) {
    CAPTURE(user);
    CHECK(limits.note(user, 1, 0, *desk.config));
    CHECK(limits.note(user, 1, 0, *desk.config));
  }
  CHECK(limits.note("www-data", 1, 0, *desk.config));
  CHECK_FALSE(limits.note("www-data", 1, 0, *desk.config));
}

TEST_CASE("there are limits if one of them is set") {
  CHECK_FALSE(OutgoingLimits::has_limits(*config_for_test()));
  CHECK(OutgoingLimits::has_limits(*config_for_test({"outgoing_domain_messages_per_day=1"})));
  CHECK(OutgoingLimits::has_limits(*config_for_test({"role=destination"})));
}
