#include "common/mailauth/mta_sts.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

const std::string valid =
    "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n";

std::string problem(std::string_view text) {
  auto policy = StsPolicy::parse(text);
  return policy ? "" : policy.error().text();
}

}  // namespace

TEST_CASE("the policy of RFC 8461 section 3.2 names its mode, its hosts and its age") {
  auto policy = StsPolicy::parse(valid);
  REQUIRE(policy);
  CHECK(policy->mode == StsMode::Enforce);
  CHECK(policy->seconds == 604800);
  CHECK(policy->patterns == std::vector<std::string>{"mail.example.com", "*.example.net"});
}

TEST_CASE("an MX host fits a name in any case, and a star in place of its first label alone") {
  auto policy = StsPolicy::parse(valid);
  REQUIRE(policy);
  CHECK(policy->allows("mail.example.com"));
  CHECK(policy->allows("Mail.Example.COM."));
  CHECK(policy->allows("mx1.example.net"));
  CHECK_FALSE(policy->allows("example.net"));
  CHECK_FALSE(policy->allows("a.mx1.example.net"));
  CHECK_FALSE(policy->allows("mail.example.com.evil.example"));
  CHECK_FALSE(policy->allows(".example.net"));
  CHECK_FALSE(policy->allows(""));
}

TEST_CASE("line ends, blanks, unknown fields and repeated ones make no difference to a policy") {
  auto policy = StsPolicy::parse(
      "version:STSv1\r\nmode : testing \r\n\r\nfuture: x:y\r\nmode: enforce\r\nmx: A.example.\r\n"
      "max_age: 99999999999\r\n");
  REQUIRE(policy);
  CHECK(policy->mode == StsMode::Testing);
  CHECK(policy->patterns == std::vector<std::string>{"a.example"});
  CHECK(policy->seconds == sts_seconds_max);
  CHECK(StsPolicy::parse("version: STSv1\nmode: none\nmax_age: 86400"));
}

TEST_CASE("a malformed policy is an error that says what is wrong") {
  CHECK(problem("") == "there is no version: STSv1");
  CHECK(problem("<html>") == "a line without a colon: <html>");
  CHECK(problem("version: STSv2\nmode: none\nmax_age: 1") == "there is no version: STSv1");
  CHECK(problem("version: STSv1\nmax_age: 1") == "there is no mode");
  CHECK(problem("version: STSv1\nmode: strict\nmax_age: 1") ==
        "mode is none of enforce, testing and none: strict");
  CHECK(problem("version: STSv1\nmode: none\nmax_age: soon") == "max_age is no number of seconds");
  CHECK(problem("version: STSv1\nmode: none") == "max_age is no number of seconds");
  CHECK(problem("version: STSv1\nmode: enforce\nmax_age: 1") == "there is no mx");
  CHECK(problem("version: STSv1\nmode: enforce\nmx: *.*.x\nmax_age: 1") == "mx is no host: *.*.x");
  std::string many = "version: STSv1\nmode: enforce\nmax_age: 1\n";
  for (std::size_t i = 0; i <= sts_patterns_max; ++i) many += "mx: a.example\n";
  CHECK(problem(many) == "more than 500 mx lines");
}

TEST_CASE("a domain announces a policy by a single record with an id") {
  CHECK(sts_policy_id({"v=STSv1; id=20160831085700Z;"}) == "20160831085700Z");
  CHECK(sts_policy_id({"v=spf1 -all", "v=STSv1;id=a", "x"}) == "a");
  CHECK(sts_policy_id({"v=STSv1 ; future=1; id=b"}) == "b");
  for (const std::vector<std::string>& none : {std::vector<std::string>{},
                                               {"v=STSv1"},
                                               {"v=STSv1;"},
                                               {"v=STSv1; id=;"},
                                               {"v=STSv1; id=a-b;"},
                                               {"v=STSv10; id=a"},
                                               {"v=STSv1; id=a", "v=STSv1; id=b"},
                                               {"v=STSv1; id=" + std::string(33, 'a')},
                                               {" v=STSv1; id=a"}}) {
    CHECK_FALSE(sts_policy_id(none));
  }
}
