#include "imapd/grammar/sequence_set.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("a sequence set names its numbers in ascending order, once each") {
  struct Row {
    const char* text;
    std::uint32_t largest;
    const char* resolved;
  };
  const Row rows[] = {
      {"1", 5, "1"},
      {"2,4:7,9,12:*", 15, "2,4:7,9,12:15"},
      {"*", 5, "5"},
      {"*:4,5:7", 10, "4:10"},
      {"7:3", 10, "3:7"},
      {"559:*", 20, "20:559"},
      {"1:3,2:8,9,4", 10, "1:9"},
      {"*", 0, ""},
      {"1:*", 0, ""},
      {"4294967295", 1, "4294967295"},
      {"1:4294967295,5", 1, "1:4294967295"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto set = SequenceSet::parse(row.text, 10);
    REQUIRE(set.has_value());
    CHECK(to_text(set->resolve(row.largest)) == row.resolved);
  }
}

TEST_CASE("a malformed sequence set is refused") {
  for (const char* text : {"", "0", "1:", ":1", "1,", ",1", "1::2", "a", "1:2:3", "4294967296",
                           "01", "-1", "1 2", "**", "$,1", "99999999999", "1,2,3,4"}) {
    CAPTURE(text);
    CHECK_FALSE(SequenceSet::parse(text, 3).has_value());
  }
}

TEST_CASE("contains() and count() tell what ranges hold") {
  auto ranges = SequenceSet::parse("2:4,7", 10)->resolve(9);
  for (std::uint32_t n : {2u, 3u, 4u, 7u}) CHECK(contains(ranges, n));
  for (std::uint32_t n : {0u, 1u, 5u, 6u, 8u}) CHECK_FALSE(contains(ranges, n));
  CHECK(count(ranges) == 4);
  RangeBuilder builder;
  for (std::uint32_t n : {1u, 2u, 3u, 7u, 9u, 10u}) builder.add(n);
  CHECK(to_text(builder.ranges()) == "1:3,7,9:10");
  CHECK(SequenceSet::parse("$", 1)->is_saved_result());
  CHECK(SequenceSet::parse("3,7:*", 3)->largest_number() == 7);
}
