#include "imapd/admin/query.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::imap;

namespace {

constexpr std::int64_t now = 1'700'000'000;  // 14 November 2023
using Kind = SearchKey::Kind;

Result<SearchRequest> read(std::vector<std::string> words, std::string_view mailbox = "INBOX",
                           std::string_view id = "") {
  Limits limits;
  TRY(auto query, MailQuery::parse(words, now, limits));
  return query.request_for(mailbox, id, '.', limits);
}

// The only key, or the first of several.
SearchKey first(const SearchRequest& request) {
  return request.key.kind == Kind::And ? request.key.children.front() : request.key;
}

}  // namespace

TEST_CASE("each argument of a query is one word, and needs no quotes") {
  auto request = read({"subject", "a \"b\" (c)", "seen"});
  REQUIRE(request);
  CHECK(first(*request).kind == Kind::Header);
  CHECK(first(*request).text == "a \"b\" (c)");
  CHECK(request->key.children.size() == 2);
  CHECK(first(*read({"from", "bücher"})).text == "bücher");
  CHECK(first(*read({"header", "X-A", ""})).text == "");
}

TEST_CASE("a query of one argument is read as a client would send it") {
  auto request = read({"or (subject \"a b\" seen) flagged"});
  REQUIRE(request);
  CHECK(first(*request).kind == Kind::Or);
  CHECK(read({"1:*"}));
  CHECK(first(*read({"subject bob"})).text == "bob");
  CHECK_FALSE(read({"subject \"a"}));
}

TEST_CASE("MAILBOX is decided for each folder, wherever it stands in the query") {
  CHECK(may_match(read({"mailbox", "INBOX", "seen"})->key));
  CHECK_FALSE(may_match(read({"mailbox", "Sent", "seen"})->key));
  CHECK(may_match(read({"or", "mailbox", "Sent", "mailbox", "INB*"})->key));
  CHECK_FALSE(may_match(read({"or", "mailbox", "Sent", "mailbox", "Trash"})->key));
  CHECK(may_match(read({"not", "mailbox", "Sent"})->key));
  CHECK_FALSE(may_match(read({"(mailbox", "INBOX", "not", "mailbox", "INBOX", ")"})->key));
  CHECK(may_match(read({"not (mailbox Sent seen)"})->key));
  CHECK(may_match(read({"mailbox", "a.%"}, "a.b")->key));
  CHECK_FALSE(may_match(read({"mailbox", "a.%"}, "a.b.c")->key));
  CHECK(may_match(read({"mailbox-guid", "f00"}, "INBOX", "f00")->key));
  CHECK_FALSE(may_match(read({"mailbox-guid", "f00"}, "INBOX", "bad")->key));
}

TEST_CASE("days may be ISO days and ages, sizes and ages may have units") {
  CHECK(first(*read({"since", "2023-11-01"})).day == 19662);
  CHECK(first(*read({"since", "1-Nov-2023"})).day == 19662);
  CHECK(first(*read({"savedbefore", "2023-11-01"})).kind == Kind::SavedBefore);
  auto before = first(*read({"before", "2d"}));
  CHECK(before.kind == Kind::Older);
  CHECK(before.number == 172800);
  CHECK(first(*read({"since", "1w"})).kind == Kind::Younger);
  CHECK(first(*read({"sentbefore", "1d"})).day == first(*read({"sentbefore", "24h"})).day);
  CHECK(first(*read({"larger", "10M"})).number == 10 << 20);
  CHECK(first(*read({"larger", "10"})).number == 10);
  CHECK(first(*read({"older", "30d"})).number == 30 * 86400);
}

TEST_CASE("a query that can't be read is refused with the word that is wrong") {
  auto text_of = [](std::vector<std::string> words) {
    return read(std::move(words)).error().text();
  };
  CHECK(text_of({"since", "2023-02-30"}).find("2023-02-30") != std::string::npos);
  CHECK(text_of({"since", "yesterday"}).find("such as 2w") != std::string::npos);
  CHECK(text_of({"subject"}).find("SUBJECT needs a value") != std::string::npos);
  CHECK(text_of({"bob smith", "seen"}).find("no key") != std::string::npos);
  CHECK_FALSE(read({"nonsense"}));
  CHECK_FALSE(read({"(", "seen"}));
  CHECK_FALSE(read({"modseq", "5"}));
  CHECK_FALSE(read(std::vector<std::string>{}));
  CHECK_FALSE(read({""}));
  CHECK(text_of(std::vector<std::string>(query_words_max + 1, "seen")) ==
        "the query has more than 10000 words");
}
