#include "common/mailauth/auth_results_parser.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

/// `method=result reason type.name=value; ...`
std::string text_of(std::string_view body) {
  std::string text;
  for (const auto& method : parse_auth_results(body)) {
    if (!text.empty()) text += "; ";
    text += method.method + "=" + method.result;
    if (!method.reason.empty()) text += " [" + method.reason + "]";
    for (const auto& one : method.properties) {
      text += " " + one.type + "." + one.name + "=" + one.value;
    }
  }
  return text;
}

ArcResult chain(std::vector<ArcHop> hops) {
  ArcResult arc;
  arc.status = ArcStatus::Pass;
  arc.hops = std::move(hops);
  return arc;
}

}  // namespace

TEST_CASE(
    "results are read with their properties, whatever blanks, comments and quotes they have") {
  CHECK(text_of("mx.example.org; spf=pass smtp.mailfrom=ann@example.org; dkim=fail") ==
        "spf=pass smtp.mailfrom=ann@example.org; dkim=fail");
  CHECK(text_of("mx.example.org 1 ;\r\n DMARC/1 = Pass (p=REJECT; sp=(x) dis=NONE)\r\n\t"
                "header.from = Example.ORG; arc=none") ==
        "dmarc=pass header.from=Example.ORG; arc=none");
  CHECK(text_of("mx; dkim=neutral reason=\"no \\\"key\\\"; none\" header.d=a.example") ==
        "dkim=neutral [no \"key\"; none] header.d=a.example");
  CHECK(text_of("mx.example.org; none") == "");
  CHECK(text_of("dmarc=pass header.from=example.org") == "");
  CHECK(text_of("mx; dmarc=pass action=none header.from=example.org") ==
        "dmarc=pass header.from=example.org");
}

TEST_CASE("results of which a comment or a quoted string does not end are not believed") {
  CHECK(text_of("mx; spf=pass; dkim=pass (x") == "");
  CHECK(text_of("mx; spf=pass; dkim=pass reason=\"x") == "");
  CHECK(text_of("mx (; spf=pass") == "");
  CHECK(text_of("mx; spf=pass" + std::string(auth_results_bytes_max, ' ')) == "");
  std::string many = "mx";
  for (int i = 0; i < 300; ++i) many += "; spf=pass";
  CHECK(parse_auth_results(many).size() == auth_methods_max);
}

TEST_CASE("a chain vouches for an author if only trusted hosts sealed it since DMARC passed") {
  const std::string passed = "lists.example; dmarc=pass header.from=bank.example";
  const std::vector<std::string> trusted{"Lists.example", "relay.example"};
  CHECK(is_vouched_for(chain({{"lists.example", "s", passed}}), "bank.example", trusted));
  CHECK(is_vouched_for(
      chain({{"lists.example", "s", passed}, {"relay.example", "s", "relay.example; none"}}),
      "bank.example", trusted));
  CHECK_FALSE(
      is_vouched_for(chain({{"lists.example", "s", passed}, {"stranger.example", "s", passed}}),
                     "bank.example", trusted));
  CHECK_FALSE(is_vouched_for(chain({{"stranger.example", "s", passed}}), "bank.example", trusted));
  CHECK_FALSE(is_vouched_for(chain({{"lists.example", "s", passed}}), "other.example", trusted));
  CHECK_FALSE(is_vouched_for(
      chain({{"lists.example", "s", "lists.example; dmarc=fail header.from=bank.example"}}),
      "bank.example", trusted));
  auto broken = chain({{"lists.example", "s", passed}});
  broken.status = ArcStatus::Fail;
  CHECK_FALSE(is_vouched_for(broken, "bank.example", trusted));
}
