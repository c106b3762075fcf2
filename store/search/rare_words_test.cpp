#include "store/search/rare_words.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("a block of rare words is read as it was written") {
  std::vector<RareWords> lists{{Uid(64), " a b "}, {Uid(65), " \xc3\xa4 "}, {Uid(127), " x "}};
  CHECK(decode_rare_words(encode_rare_words(lists)) == lists);
  CHECK(decode_rare_words("") == std::vector<RareWords>());
}

TEST_CASE("what can't be a block of rare words is refused") {
  auto with_octets = [](std::string text) {
    return encode_rare_words({{Uid(1), std::move(text)}});
  };
  CHECK(decode_rare_words(with_octets(" a ")));
  CHECK_FALSE(decode_rare_words(with_octets(" a")));
  CHECK_FALSE(decode_rare_words(with_octets("a b ")));
  CHECK_FALSE(decode_rare_words(with_octets("  ")));
  CHECK_FALSE(decode_rare_words(with_octets(" a b")));
  CHECK_FALSE(decode_rare_words(with_octets(' ' + std::string(rare_octets_max, 'a') + ' ')));
  CHECK_FALSE(decode_rare_words(with_octets(" a ").substr(0, 4)));
  CHECK_FALSE(decode_rare_words(std::string_view("\0\3 a ", 5)));
  std::vector<RareWords> many;
  for (std::uint32_t i = 1; i <= rare_messages_per_block + 1; ++i) many.push_back({Uid(i), " a "});
  CHECK_FALSE(decode_rare_words(encode_rare_words(many)));
}

TEST_CASE("a list of rare words has a length that it does not pass") {
  std::string list;
  while (append_rare_word(list, "word")) {
  }
  CHECK(list.size() <= rare_octets_max);
  CHECK(list.size() > rare_octets_max - 10);
  CHECK(list.starts_with(" word word "));
  CHECK(list.ends_with(" word "));
}

TEST_CASE("a word that comes again is remembered") {
  using Known = WordMemory::Known;
  WordMemory memory;
  CHECK(memory.look("word") == Known::No);
  memory.note("word", Known::Once);
  CHECK(memory.look("word") == Known::Once);
  memory.note("word", Known::Often);
  CHECK(memory.look("word") == Known::Often);
  CHECK(memory.look("other") == Known::No);
}
