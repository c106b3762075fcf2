#include "store/mailbox/quota_rules.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;

namespace {

QuotaRules rules_of(std::string_view text) {
  auto rules = QuotaRules::parse(text);
  REQUIRE(rules);
  return *rules;
}

}  // namespace

TEST_CASE("storage without a unit is in KiB, bytes in octets, as in Dovecot") {
  CHECK(rules_of("*:storage=10").limits().bytes == 10240u);
  CHECK(rules_of("*:bytes=10").limits().bytes == 10u);
  CHECK(rules_of("*:storage=10B").limits().bytes == 10u);
  CHECK(rules_of("*:storage=1G:messages=1000").limits() == QuotaLimits{1u << 30, 1000});
  CHECK(rules_of("*:storage=2k").limits().bytes == 2048u);
}

TEST_CASE("an amount of 0, and no rule, are no limit") {
  CHECK(rules_of("*:storage=0:messages=0").limits() == QuotaLimits{});
  CHECK(rules_of("").limits() == QuotaLimits{});
  CHECK(rules_of("Trash:storage=+10%").limits() == QuotaLimits{});
}

TEST_CASE("a mailbox's rule is relative to the account's limit or stands for itself") {
  auto rules = rules_of(
      "*:bytes=1000:messages=10 Trash:bytes=+10% Sent:bytes=-100:messages=50% Big:bytes=5000 "
      "Free*:messages=0 My%20Box:messages=+5");
  auto account = rules.limits();
  CHECK(rules.limits_in("INBOX", account) == account);
  CHECK(rules.limits_in("Trash", account) == QuotaLimits{1100, 10});
  CHECK(rules.limits_in("Sent", account) == QuotaLimits{900, 5});
  CHECK(rules.limits_in("Big", account) == QuotaLimits{5000, 10});
  CHECK(rules.limits_in("Free/of it", account) == QuotaLimits{1000, {}});
  CHECK(rules.limits_in("My Box", account) == QuotaLimits{1000, 15});
  // Where the account has no limit, there is none to add to.
  CHECK(rules.limits_in("Trash", {}) == QuotaLimits{});
}

TEST_CASE("what is in a mailbox with ignore does not count and has no limit") {
  auto rules = rules_of("*:bytes=1000 Spam*:ignore inbox:ignore");
  CHECK(rules.ignores("Spam"));
  CHECK(rules.ignores("Spam/2026"));
  CHECK(rules.ignores("INBOX"));
  CHECK_FALSE(rules.ignores("Trash"));
  CHECK(rules.limits_in("Spam", rules.limits()) == QuotaLimits{});
}

TEST_CASE("a user's rule replaces the host's for the same mailbox and leaves the others") {
  auto rules = rules_of("*:bytes=1000:messages=5 Trash:bytes=+10%");
  rules.replace_by(rules_of("*:bytes=2000 Spam:ignore"));
  CHECK(rules.limits() == QuotaLimits{2000, {}});
  CHECK(rules.limits_in("Trash", rules.limits()).bytes == 2200u);
  CHECK(rules.ignores("Spam"));
}

TEST_CASE("rules of the account and of INBOX name no folders") {
  CHECK_FALSE(rules_of("*:bytes=1000 inbox:bytes=500").names_folders());
  CHECK(rules_of("*:bytes=1000 Trash:bytes=+10%").names_folders());
}

TEST_CASE("rules written as text are the same when read again") {
  for (const char* text :
       {"*:bytes=1000:messages=5 Trash:bytes=+10% My%20Box:ignore", "Sent:bytes=-5:messages=50%"}) {
    CHECK(rules_of(text).text() == text);
    CHECK(rules_of(rules_of(text).text()).text() == text);
  }
}

TEST_CASE("a malformed rule is refused with the text and the right form") {
  for (const char* wrong : {"*", "*:", ":storage=1", "*:storage", "*:storage=", "*:storage=x",
                            "*:storage=1X", "*:storage=1:storage=2", "*:ignore", "*:storage=+10%",
                            "*:messages=5k", "Trash:ignore:storage=1", "*:storage=99999999999T",
                            "*:bytes=1 *:bytes=2", "Trash:storage=+1001%"}) {
    CAPTURE(wrong);
    auto rules = QuotaRules::parse(wrong);
    REQUIRE_FALSE(rules);
    CHECK(rules.error().text().starts_with("quota rule "));
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += "m" + std::to_string(i) + ":ignore ";
  CHECK_FALSE(QuotaRules::parse(many));
}
