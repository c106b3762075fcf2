#include <doctest/doctest.h>

#include "store/sieve/date_parts.h"
#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

TEST_CASE("each part of a date is shown as the standard writes it") {
  const pennypost::MailDate date{1'700'000'000, -480};  // Tue, 14 Nov 2023 14:13:20 -0800
  auto part = [&](std::string_view name) { return date_part(name, date).value_or("(none)"); };
  CHECK(part("year") == "2023");
  CHECK(part("Month") == "11");
  CHECK(part("day") == "14");
  CHECK(part("date") == "2023-11-14");
  CHECK(part("julian") == "60262");
  CHECK(part("hour") == "14");
  CHECK(part("minute") == "13");
  CHECK(part("second") == "20");
  CHECK(part("time") == "14:13:20");
  CHECK(part("iso8601") == "2023-11-14T14:13:20-08:00");
  CHECK(part("std11") == "Tue, 14 Nov 2023 14:13:20 -0800");
  CHECK(part("zone") == "-0800");
  CHECK(part("weekday") == "2");
  CHECK(part("era") == "(none)");
  CHECK(date_part("julian", {0, 0}) == "40587");
  CHECK(parse_zone("+0130") == 90);
  CHECK(parse_zone("-0800") == -480);
  CHECK(!parse_zone("0100"));
  CHECK(!parse_zone("+0160"));
}

TEST_CASE("date reads a field in the zone that is asked for, by default the owner's") {
  CHECK(is_true("\"date\"", "date \"date\" \"hour\" \"23\""));
  CHECK(is_true("\"date\"", "date :originalzone \"date\" \"hour\" \"14\""));
  CHECK(is_true("\"date\"", "date :zone \"+0530\" \"date\" \"date\" \"2023-11-15\""));
  CHECK(is_true("\"date\"", "date \"received\" \"time\" \"23:00:00\""));
  CHECK(!is_true("\"date\"", "date :matches \"subject\" \"year\" \"*\""));
  CHECK(is_true("\"date\", \"relational\"", "date :value \"ge\" \"date\" \"year\" \"2023\""));
  CHECK(is_true("\"date\"", "currentdate \"hour\" \"23\""));
  CHECK(is_true("\"date\"", "currentdate :zone \"+0000\" \"weekday\" \"2\""));
}

TEST_CASE("index chooses one of the fields of a name, from either end") {
  CHECK(is_true("\"index\"", "header :index 2 \"x-count\" \"two\""));
  CHECK(!is_true("\"index\"", "header :index 2 \"x-count\" \"one\""));
  CHECK(is_true("\"index\"", "header :index 1 :last \"x-count\" \"three\""));
  CHECK(!is_true("\"index\"", "header :index 4 :contains \"x-count\" \"\""));
}
