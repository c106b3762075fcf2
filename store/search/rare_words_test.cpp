#include "store/search/rare_words.h"

#include <doctest/doctest.h>

#include <random>

using namespace pennypost;
using namespace pennypost::store;

namespace {

using Match = NeedlePiece::Match;

std::string block_of(std::string list, std::string filter = "") {
  return encode_rare_words({{Uid(1), {std::move(list), std::move(filter)}}});
}

bool may_have(const RareWords& words, Match match, std::string text) {
  return RarePattern({match, std::move(text)}).may_be_in(words);
}

}  // namespace

TEST_CASE("a block of rare words is read as it was written") {
  std::vector<RareEntry> entries{{Uid(64), {" a b ", ""}},
                                 {Uid(65), {" \xc3\xa4 ", "filter12"}},
                                 {Uid(127), {"", std::string(8, '\xff')}}};
  CHECK(decode_rare_words(encode_rare_words(entries)) == entries);
  CHECK(decode_rare_words("") == std::vector<RareEntry>());
}

TEST_CASE("what can't be a block of rare words is refused") {
  CHECK(decode_rare_words(block_of(" a ")));
  CHECK_FALSE(decode_rare_words(block_of(" a")));
  CHECK_FALSE(decode_rare_words(block_of("a b ")));
  CHECK_FALSE(decode_rare_words(block_of("  ")));
  CHECK_FALSE(decode_rare_words(block_of(" a b")));
  CHECK_FALSE(decode_rare_words(block_of(' ' + std::string(rare_octets_max, 'a') + ' ')));
  CHECK_FALSE(decode_rare_words(block_of(" a ", std::string(rare_octets_max, 'a'))));
  CHECK_FALSE(decode_rare_words(block_of(" a ", "filter").substr(0, 8)));
  CHECK_FALSE(decode_rare_words(std::string_view("\0\3 a \0", 6)));
  std::vector<RareEntry> many;
  for (std::uint32_t i = 1; i <= rare_messages_per_block + 1; ++i) {
    many.push_back({Uid(i), {" a ", ""}});
  }
  CHECK_FALSE(decode_rare_words(encode_rare_words(many)));
}

TEST_CASE("the rare words of a message are bounded") {
  for (const char* word : {"word", "abcdefghi0123"}) {
    RareCollector collector(WordPlace::Header);
    int taken = 0;
    while (collector.add(word)) ++taken;
    CHECK(taken > 100);
    auto words = collector.finish();
    CHECK(words.list.size() <= rare_octets_max);
    CHECK(decode_rare_words(encode_rare_words({{Uid(1), words}})));
  }
}

TEST_CASE("rare words are found by any part of them, and others hardly ever") {
  RareCollector collector(WordPlace::Header);
  std::mt19937 random(3);
  std::vector<std::string> words{"kurz", "2024"};
  for (int i = 0; i < 20; ++i) {
    std::string word = "9";
    for (int k = 0; k < 25; ++k) word += "abcdefghijklmnopqrstuvwxyz0123456789"[random() % 36];
    words.push_back(word);
  }
  CHECK(collector.empty());
  for (const auto& word : words) REQUIRE(collector.add(word));
  CHECK_FALSE(collector.empty());
  auto kept = collector.finish();
  CHECK(kept.list == " kurz 2024 ");
  CHECK(kept.filter.size() < 20 * 26 / 3);
  for (const auto& word : words) {
    CHECK(may_have(kept, Match::Is, word));
    for (std::size_t at = 0; at < word.size(); ++at) {
      CHECK(may_have(kept, Match::Begins, word.substr(0, at + 1)));
      CHECK(may_have(kept, Match::Ends, word.substr(at)));
      CHECK(may_have(kept, Match::Contains, word.substr(at, 1 + random() % 9)));
    }
  }
  // Short words would be in the list.
  CHECK_FALSE(may_have(kept, Match::Is, "kur"));
  CHECK_FALSE(may_have(kept, Match::Is, words[2].substr(0, 9)));
  int wrong = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string other;
    for (int k = 0; k < 8; ++k) other += static_cast<char>('a' + random() % 26);
    if (may_have(kept, Match::Contains, other)) ++wrong;
  }
  CHECK(wrong < 20);
}

TEST_CASE("of a body only words with digits are kept as rare ones, and all in the list") {
  CHECK(may_be_rare(WordPlace::Header, "word"));
  CHECK(may_be_rare(WordPlace::Body, "w0rd"));
  CHECK_FALSE(may_be_rare(WordPlace::Body, "word"));
  CHECK_FALSE(may_be_rare(WordPlace::Subject, "w0rd"));
  RareCollector collector(WordPlace::Body);
  REQUIRE(collector.add("0123456789abcdef"));
  CHECK(collector.finish() == RareWords{" 0123456789abcdef ", ""});
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
