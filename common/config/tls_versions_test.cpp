#include "common/config/tls_versions.h"

#include <doctest/doctest.h>

#include "common/base/text.h"

using namespace pennypost;

TEST_CASE("versions of TLS are read as Postfix writes them") {
  struct Row {
    const char* text;
    const char* versions;
  };
  for (const Row& row : {
           Row{">=TLSv1.2", "TLSv1.2 TLSv1.3"},
           Row{">=TLSv1.2, <=TLSv1.2", "TLSv1.2 TLSv1.2"},
           Row{"!SSLv2, !SSLv3, !TLSv1, !TLSv1.1", "TLSv1.2 TLSv1.3"},
           Row{"!SSLv2:!SSLv3", "TLSv1 TLSv1.3"},
           Row{"TLSv1.3", "TLSv1.3 TLSv1.3"},
           Row{"tlsv1.1 TLSv1.3", "TLSv1.1 TLSv1.3 -TLSv1.2"},
           Row{">=TLSv1.1 !TLSv1.2", "TLSv1.1 TLSv1.3 -TLSv1.2"},
           Row{">=SSLv3", "TLSv1 TLSv1.3"},
           Row{"", "TLSv1 TLSv1.3"},
       }) {
    CAPTURE(row.text);
    auto versions = TlsVersions::parse(row.text);
    REQUIRE(versions);
    std::string shown = std::string(versions->lowest()) + " " + std::string(versions->highest());
    for (auto hole : versions->holes()) shown += " -" + std::string(hole);
    CHECK(shown == row.versions);
  }
  CHECK(*TlsVersions::parse(">=TLSv1.2") == TlsVersions());
}

TEST_CASE("what names no version of TLS, or leaves none, is refused") {
  for (const char* text : {">TLSv1.2", "TLS1.2", "!TLSv1.4", "SSLv3", ">=TLSv1.3 <=TLSv1.2",
                           "!TLSv1 !TLSv1.1 !TLSv1.2 !TLSv1.3"}) {
    CAPTURE(text);
    auto versions = TlsVersions::parse(text);
    REQUIRE(!versions);
    CHECK(versions.error().text().find(">=TLSv1.2") != std::string::npos);
  }
}
