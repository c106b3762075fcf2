#include "smtpd/delivery/quota_warning.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

store::Usage usage(std::uint64_t bytes, std::uint64_t messages) {
  store::Usage used;
  used.bytes = bytes;
  used.messages = messages;
  used.bytes_max = 1000;
  used.messages_max = 10;
  return used;
}

}  // namespace

TEST_CASE("a delivery that crosses a limit warns once, with the highest that it has crossed") {
  auto config = config_for_test({"myhostname=mx.example.test"});
  auto warnings = QuotaWarning::parse_all({"storage=80%", "storage=95%", "messages=90%"});
  REQUIRE(warnings);
  auto warn = [&](const store::Usage& before, const store::Usage& after) {
    auto made = quota_warning(*config, *warnings, "ann@example.test", before, after);
    if (!made) return std::string();
    CHECK(made->recipient == "ann@example.test");
    CHECK(store::check_reply(*made));
    auto at = made->text.find("Subject: ");
    return made->text.substr(at, made->text.find('\n', at) - at);
  };
  CHECK(warn(usage(700, 1), usage(790, 2)).empty());
  CHECK(warn(usage(700, 1), usage(800, 2)) == "Subject: Your mailbox is 80% full");
  CHECK(warn(usage(800, 2), usage(900, 3)).empty());
  CHECK(warn(usage(700, 1), usage(990, 2)) == "Subject: Your mailbox is 95% full");
  CHECK(warn(usage(10, 8), usage(20, 9)) == "Subject: Your mailbox is 90% full");
  CHECK(warn(usage(10, 9), usage(20, 10)).empty());
}

TEST_CASE("without a limit nothing can be crossed") {
  auto config = config_for_test({});
  auto warnings = QuotaWarning::parse_all({"storage=80%"});
  REQUIRE(warnings);
  auto before = usage(0, 0);
  auto after = usage(5000, 5);
  after.bytes_max.reset();
  CHECK_FALSE(quota_warning(*config, *warnings, "ann@example.test", before, after));
}

TEST_CASE("a limit in another form is refused with the right one") {
  for (const char* wrong :
       {"storage", "storage=95", "storage=0%", "storage=101%", "size=5%", "5%"}) {
    CAPTURE(wrong);
    auto warnings = QuotaWarning::parse_all({wrong});
    REQUIRE_FALSE(warnings);
    CHECK(warnings.error().text().find("storage=95%") != std::string::npos);
  }
}
