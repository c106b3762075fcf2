#include "smtpd/routing/requiretls_hops.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

std::string word_for(const std::string& host, std::vector<std::string> settings) {
  auto hops = RequireTlsHops::open(*config_for_test(settings), {});
  REQUIRE(hops);
  auto found = hops->find(host);
  if (!found) return found.error().text();
  const char* words[] = {"disable", "opportunistic", "opportunistic+starttls", "enforce"};
  return words[static_cast<int>(*found)];
}

}  // namespace

TEST_CASE("REQUIRETLS is enforced with strangers, and not with hosts of our own") {
  const std::string ours = "mydomain=example.com";
  CHECK(word_for("example.org", {ours}) == "enforce");
  CHECK(word_for("example.com", {ours}) == "opportunistic");
  CHECK(word_for("mail.example.com", {ours}) == "opportunistic");
  CHECK(word_for("localhost", {ours}) == "opportunistic");
  CHECK(word_for("192.0.2.1", {ours}) == "opportunistic");
  CHECK(word_for("2001:db8::1", {ours}) == "opportunistic");
  CHECK(word_for("example.org", {"requiretls_enable=no"}) == "disable");
}

TEST_CASE("the first item of smtp_requiretls_policy that answers counts") {
  const std::string policy =
      "smtp_requiretls_policy=inline:{a.example=disable, .b.example=enforce, 192.0.2.1=enforce, "
      "c.example=maybe}, opportunistic+starttls";
  CHECK(word_for("a.example", {policy}) == "disable");
  CHECK(word_for("x.a.example", {policy}) == "opportunistic+starttls");
  CHECK(word_for("x.y.b.example", {policy}) == "enforce");
  CHECK(word_for("b.example", {policy}) == "opportunistic+starttls");
  CHECK(word_for("192.0.2.1", {policy}) == "enforce");
  CHECK(word_for("192.0.2.2", {policy}) == "opportunistic");
  CHECK(word_for("c.example", {policy}) ==
        "smtp_requiretls_policy: inline:{a.example=disable, .b.example=enforce, "
        "192.0.2.1=enforce, c.example=maybe}: \"maybe\" for c.example is none of: enforce, "
        "opportunistic+starttls, opportunistic, disable");
}
