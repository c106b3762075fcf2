#include "common/mail/public_suffix.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a public suffix belongs to nobody, what lies below it does") {
  for (const char* domain : {"com", "COM", "co.uk", "org", "lan", "xn--p1ai", "\u0440\u0444"}) {
    CAPTURE(domain);
    CHECK(is_public_suffix(domain));
  }
  for (const char* domain : {"example.com", "example.co.uk", "mail.example.com", "server.lan"}) {
    CAPTURE(domain);
    CHECK_FALSE(is_public_suffix(domain));
  }
}

TEST_CASE("an organizational domain is one label longer than its public suffix") {
  CHECK(organizational_domain("a.B.example.COM") == "example.com");
  CHECK(organizational_domain("a.example.co.uk") == "example.co.uk");
  CHECK(organizational_domain("example.com") == "example.com");
  CHECK(organizational_domain("co.uk") == "co.uk");
  CHECK(organizational_domain("mail.server.lan") == "server.lan");
}

TEST_CASE("a name is within a domain if it is the domain or ends in a dot and it") {
  CHECK(is_within_domain("Example.org", "example.ORG"));
  CHECK(is_within_domain("a.Example.org", "example.org"));
  CHECK_FALSE(is_within_domain("anexample.org", "example.org"));
  CHECK_FALSE(is_within_domain("org", "example.org"));
}
