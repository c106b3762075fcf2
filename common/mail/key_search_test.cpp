#include "common/mail/key_search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "common/mail/charset.h"
#include "common/mail/unicode.h"

using namespace pennypost;

namespace {

// The numbers of those keys that the text holds when it comes in pieces of so many octets.
std::string found(const std::vector<std::string>& keys, std::string_view text, std::size_t octets) {
  KeySet set;
  std::vector<std::size_t> numbers;
  for (const auto& key : keys) numbers.push_back(set.add(key));
  set.compile();
  KeyScan scan(set);
  for (std::size_t at = 0; at < text.size(); at += octets) scan.feed(text.substr(at, octets));
  scan.end_text();
  std::string out;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (scan.has(numbers[i])) out += std::to_string(i) + ' ';
  }
  CHECK(scan.has_all() ==
        (std::count(out.begin(), out.end(), ' ') == static_cast<std::ptrdiff_t>(keys.size())));
  return out;
}

}  // namespace

TEST_CASE("all keys of a set are found in one pass, in pieces of any size and in any case") {
  struct Row {
    std::vector<std::string> keys;
    std::string text;
    std::string found;
  };
  const Row rows[] = {
      {{"he", "she", "his", "hers"}, "ushers", "0 1 3 "},
      {{"a", "ab", "bab", "bc", "bca", "c", "caa"}, "abccab", "0 1 3 5 "},
      {{"abcd", "bc", "d"}, "xabce", "1 "},
      {{"one"}, "stONE", "0 "},
      {{"one"}, "on e", ""},
      {{"Dup", "dUP", "other"}, "a dup", "0 1 "},
      {{"", "x"}, "", "0 "},
      {{"\xd0\xbf\xd1\x80\xd0\xb8", "\xce\xbc"}, "\xd0\x9f\xd0\xa0\xd0\x98 \xc2\xb5", "0 1 "},
      {{"caf\xc3\xa9", "e\xcc\x81"}, "CAFE\xcc\x81", "0 1 "},
      {{std::string("\xff"), "A"}, "a\xff", "0 1 "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    for (std::size_t octets : {1u, 2u, 3u, 1000u})
      CHECK(found(row.keys, row.text, octets) == row.found);
  }
}

TEST_CASE("the automaton finds what a search for each key by itself finds") {
  std::uint32_t seed = 7;
  auto random = [&](std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
  };
  auto word = [&](std::size_t length) {
    std::string out;
    for (std::size_t i = 0; i < length; ++i) out += static_cast<char>('a' + random(3));
    return out;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> keys;
    for (std::uint32_t i = 0; i < 2 + random(20); ++i) keys.push_back(word(1 + random(6)));
    auto text = word(random(60));
    std::string expected;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (contains_folded(text, keys[i])) expected += std::to_string(i) + ' ';
    }
    CAPTURE(text);
    CHECK(found(keys, text, 1 + random(10)) == expected);
  }
}

TEST_CASE(
    "a match is found across pieces and in long text without any ASCII, and ends with its text") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "\xe6\xbc\xa2";
  text += "\xe5\xad\x97";
  CHECK(found({"\xe6\xbc\xa2\xe5\xad\x97"}, text, 7) == "0 ");
  CHECK(found({"\xe6\xbc\xa2\xe5\xad\x97", "x"}, text, 7) == "0 ");
  for (bool has_second : {false, true}) {
    KeySet keys;
    auto key = keys.add("ab");
    if (has_second) keys.add("zz");
    keys.compile();
    KeyScan scan(keys);
    scan.feed("xa");
    scan.end_text();
    scan.feed("bx");
    scan.end_text();
    CHECK_FALSE(scan.has(key));
  }
}

TEST_CASE("keys within keys, and texts full of them, cost a step an octet") {
  std::vector<std::string> keys;
  for (std::size_t length = 1; length <= 700; ++length) keys.emplace_back(length, 'a');
  keys.push_back(std::string(700, 'a') + "b");
  KeySet set;
  for (const auto& key : keys) set.add(key);
  set.compile();
  std::string text(4 << 20, 'a');
  auto begin = std::chrono::steady_clock::now();
  KeyScan scan(set);
  scan.feed(text);
  scan.end_text();
  auto took = std::chrono::steady_clock::now() - begin;
  CHECK(scan.has(699));
  CHECK_FALSE(scan.has(700));
  // A walk over 700 keys at each octet took half a minute.
  CHECK(took < std::chrono::seconds(5));
}

TEST_CASE("each ASCII octet is folded alike, at whatever place of a text it is") {
  std::string all;
  for (int round = 0; round < 2; ++round) {
    for (int octet = 0; octet < 128; ++octet) all += static_cast<char>(octet);
  }
  for (std::size_t first = 0; first < 20; ++first) {
    for (std::size_t length : {0u, 1u, 7u, 8u, 9u, 100u, 236u}) {
      auto text = all.substr(first, length);
      std::string expected;
      for (char c : text) expected += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      CHECK(casefold(text) == expected);
      CHECK(casefold(text + "Ä") == expected + "a\xcc\x88");
    }
  }
}
