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
