#include "common/mailauth/dmarc_record.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a DMARC record is read with all its tags") {
  auto record = DmarcRecord::parse(
      "v=DMARC1; p=Reject ; sp=quarantine; np=none; adkim=s; aspf=S; pct=20; t=y; psd=n; fo=1:D; "
      "ri=3600; rua=mailto:a@example.com!10m , https://example.com/r; ruf=mailto:f@example.com;");
  REQUIRE(record);
  CHECK(record->policy == DmarcPolicy::Reject);
  CHECK(record->subdomains == DmarcPolicy::Quarantine);
  CHECK(record->nonexistent == DmarcPolicy::None);
  CHECK(record->strict_dkim);
  CHECK(record->strict_spf);
  CHECK(record->percent == 20);
  CHECK(record->is_testing);
  CHECK(record->suffix == DmarcSuffix::No);
  CHECK(record->failure_options == "1:d");
  CHECK(record->interval_seconds == 3600);
  CHECK(record->aggregate_uris ==
        std::vector<std::string>{"mailto:a@example.com!10m", "https://example.com/r"});
  CHECK(record->failure_uris == std::vector<std::string>{"mailto:f@example.com"});
}

TEST_CASE("a record begins with v=DMARC1, exactly so") {
  CHECK(DmarcRecord::is_one("v=DMARC1"));
  CHECK(DmarcRecord::is_one(" v = DMARC1 ; p=none"));
  for (std::string_view text :
       {"", "v=dmarc1", "v=DMARC2", "v=DMARC11", "p=none; v=DMARC1", "DMARC1", "v=spf1 -all"}) {
    CAPTURE(text);
    CHECK(!DmarcRecord::is_one(text));
    CHECK(!DmarcRecord::parse(text));
  }
}

TEST_CASE("what is malformed has its default, and only p= and sp= must be right") {
  auto record =
      DmarcRecord::parse("v=DMARC1;; p=none; p=reject; pct=101; ri=x; adkim=z; junk; np=z");
  REQUIRE(record);
  CHECK(*record == DmarcRecord());
  CHECK(!DmarcRecord::parse("v=DMARC1"));
  CHECK(!DmarcRecord::parse("v=DMARC1; p=refuse"));
  CHECK(!DmarcRecord::parse("v=DMARC1; p=reject; sp=refuse"));
  CHECK(!DmarcRecord::parse("v=DMARC1; p=refuse; rua=nowhere"));
  auto reported = DmarcRecord::parse("v=DMARC1; p=refuse; sp=reject; rua=mailto:a@example.com");
  REQUIRE(reported);
  CHECK(reported->policy == DmarcPolicy::None);
  CHECK(!reported->subdomains);
  CHECK(!DmarcRecord::parse("v=DMARC1; p=none; " + std::string(dmarc_record_bytes_max, ' ')));
  std::string many = "v=DMARC1; p=none; rua=";
  for (int i = 0; i < 20; ++i) many += "mailto:a,";
  CHECK(DmarcRecord::parse(many)->aggregate_uris.size() == dmarc_uris_max);
}
