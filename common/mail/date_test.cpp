#include "common/mail/date.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("RFC 5322 dates are read in today's and in obsolete forms") {
  struct Row {
    const char* text;
    std::int64_t seconds;
    int zone_minutes;
  };
  const Row rows[] = {
      {"Tue, 14 Nov 2023 22:13:20 +0000", 1'700'000'000, 0},
      {"14 Nov 2023 22:13:20 +0000", 1'700'000'000, 0},
      {" Tue , 14 nov 2023\r\n 23:13:20 +0100 (CET (winter))", 1'700'000'000, 60},
      {"Tue, 14 Nov 2023 22:13 -0000", 1'699'999'980, 0},
      {"Tue, 14 Nov 23 17:13:20 EST", 1'700'000'000, -300},
      {"14 Nov 123 22:13:20 GMT", 1'700'000'000, 0},
      {"Tue, 14 Nov 2023 22:13:20", 1'700'000'000, 0},
      {"Tue, 14 Nov 2023 22:13:20 XYZ", 1'700'000'000, 0},
      {"Tue, 14 Nov 2023 22 : 13 : 20 Z", 1'700'000'000, 0},
      {"Tue 14 Nov 2023 22:13:20 +0530", 1'699'980'200, 330},
      {"(x) Tue, 14 (y) Nov 2023 9:3:2 +0000", 1'699'952'582, 0},
      {"Thu, 1 Jan 1970 00:00:00 +0000", 0, 0},
      {"Wed, 31 Dec 1969 23:59:59 +0000", -1, 0},
      {"Sat, 29 Feb 2020 00:00:00 +0000", 1'582'934'400, 0},
      {"Sat, 31 Dec 2016 23:59:60 +0000", 1'483'228'800, 0},
      {"1 Jan 49 00:00:00 +0000", 2'493'072'000, 0},
      {"1 Jan 50 00:00:00 +0000", -631'152'000, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto date = parse_date(row.text);
    REQUIRE(date.has_value());
    CHECK(date->seconds == row.seconds);
    CHECK(date->zone_minutes == row.zone_minutes);
    CHECK(parse_date(format_date(*date)) == date);
    CHECK(parse_imap_date_time(format_imap_date_time(*date)) == date);
  }
}

TEST_CASE("what is no date is refused") {
  for (const char* text :
       {"", "yesterday", "Tue, 31 Apr 2023 00:00:00 +0000", "29 Feb 2023 00:00:00 +0000",
        "14 Nov 2023 24:00:00 +0000", "14 Nov 2023 22:60:00 +0000", "14 Nov 2023 22:13:61 +0000",
        "14 Nov 2023 22:13:20 +0060", "14 Nov 2023 22:13:20 +100", "0 Nov 2023 22:13:20 +0000",
        "14 Nox 2023 22:13:20 +0000", "14 Nov 20233 22:13:20 +0000", "14 Nov 1899 22:13:20 +0000",
        "114 Nov 2023 22:13:20 +0000", "14 Nov 2023", "(unclosed"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_date(text).has_value());
  }
}

TEST_CASE("dates are written as their standards show them") {
  CHECK(format_date({1'700'000'000, 0}) == "Tue, 14 Nov 2023 22:13:20 +0000");
  CHECK(format_date({0, -330}) == "Wed, 31 Dec 1969 18:30:00 -0530");
  CHECK(format_imap_date_time({1'698'800'000, 60}) == " 1-Nov-2023 01:53:20 +0100");
  CHECK(format_ctime({1'698'800'000, 0}) == "Wed Nov  1 00:53:20 2023");
}

TEST_CASE("IMAP's date-time has one form, but for the day of one digit") {
  CHECK(parse_imap_date_time("14-Nov-2023 22:13:20 +0000")->seconds == 1'700'000'000);
  CHECK(parse_imap_date_time(" 4-NOV-2023 22:13:20 -0100")->zone_minutes == -60);
  for (const char* text : {"04-Nov-2023 22:13:20 +0000", " 4-Nov-2023 22:13:20 +0000",
                           "4-Nov-2023 22:13:20 +0000", "4-nov-2023 22:13:20 +0000"}) {
    CAPTURE(text);
    CHECK(parse_imap_date_time(text) == parse_date("4 Nov 2023 22:13:20 +0000"));
  }
  for (const char* text :
       {" 14-Nov-2023 22:13:20 +0000", "  4-Nov-2023 22:13:20 +0000", "004-Nov-2023 22:13:20 +0000",
        "0-Nov-2023 22:13:20 +0000", "-Nov-2023 22:13:20 +0000", "14-Nov-2023 22:13 +0000",
        "14-Nov-2023 22:13:20", "14-Nov-2023 22:13:20 GMT", "14-Nov-23 22:13:20 +0000",
        "31-Nov-2023 22:13:20 +0000", "14-Nov-2023 22:13:20 +0000 ", "14 Nov 2023 22:13:20 +0000",
        "14-Nov-2023 2:13:20 +0000"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_imap_date_time(text).has_value());
  }
}

TEST_CASE("IMAP's date counts days") {
  CHECK(parse_imap_date("1-Jan-1970") == 0);
  CHECK(parse_imap_date("\"02-jan-1970\"") == 1);
  CHECK(parse_imap_date("31-Dec-1969") == -1);
  CHECK(parse_imap_date("\" 3-Jan-1970\"") == 2);
  CHECK(parse_imap_date("03-Jan-1970") == 2);
  for (const char* text : {"", "\"", "1-Jan-70", "32-Jan-1970", "1-Jan-1970 ", "\"1-Jan-1970"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_imap_date(text).has_value());
  }
}

TEST_CASE("the day shown is the zone's own") {
  CHECK(MailDate{0, 60}.shown_day() == 0);
  CHECK(MailDate{0, -60}.shown_day() == -1);
}
