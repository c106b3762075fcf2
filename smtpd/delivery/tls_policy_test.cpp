#include "smtpd/delivery/tls_policy.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

Result<TlsPolicy> parse(std::string_view text, std::string_view default_level = "may") {
  return parse_tls_policy(text, default_level, "mx.example", "example.org", "TLSv1.2");
}

}  // namespace

TEST_CASE("a TLS policy is a level and what we can do of its attributes") {
  using Level = TlsDemand::Level;
  CHECK(parse("")->level == Level::May);
  CHECK(parse("", "encrypt")->level == Level::Encrypt);
  CHECK(parse("none")->level == Level::None);
  CHECK(parse("ENCRYPT ciphers=high")->level == Level::Encrypt);
  CHECK(parse("secure")->is_secure);
  CHECK_FALSE(parse("verify")->is_secure);
  CHECK(parse("secure match=nexthop:dot-nexthop")->match == "example.org");
  CHECK(parse("secure, match=hostname")->match == "mx.example");
  CHECK(parse("verify match=mail.example.net")->match == "mail.example.net");
  CHECK(parse("encrypt protocols=>=TLSv1.2"));
  CHECK(parse("encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1"));
}

TEST_CASE("a TLS policy that asks for more than we do is an error, not less protection") {
  for (const char* text :
       {"dane", "dane-only", "fingerprint match=AB:CD", "encrypt protocols=>=TLSv1.3",
        "encrypt protocols=!TLSv1.2", "encrypt protocols=TLSv1.3",
        "secure match=a.example:b.example", "secure match=.example.org",
        "secure match=", "encrypt exclude=aNULL", "secure tafile=/x", "encrypt match"}) {
    CAPTURE(text);
    auto policy = parse(text);
    REQUIRE_FALSE(policy);
    CHECK(policy.error().is_temporary());
    CHECK(policy.error().status() == EnhancedStatus("4.7.5"));
  }
}
