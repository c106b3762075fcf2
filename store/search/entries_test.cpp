#include "store/search/entries.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("a block of entries is read as it was written") {
  std::vector<WordEntry> entries{{Uid(1), 5, false},
                                 {Uid(2), 4, true},
                                 {Uid(1000), 4'000'000'000, false},
                                 {Uid(4'294'967'295), 1, true}};
  CHECK(decode_entries(encode_entries(entries)) == entries);
  CHECK(decode_entries("") == std::vector<WordEntry>());
}

TEST_CASE("what can't be a block is refused") {
  CHECK_FALSE(decode_entries("\x01"));                // half an entry
  CHECK_FALSE(decode_entries(std::string(2, '\0')));  // no step in UIDs
  CHECK_FALSE(decode_entries("\x01\x01"));            // document 0
  CHECK_FALSE(decode_entries(std::string(20, '\xff')));
  std::vector<WordEntry> many(entries_per_block + 1);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = {Uid(i + 1), i + 1, false};
  CHECK_FALSE(decode_entries(encode_entries(many)));
}
