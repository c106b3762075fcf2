#include "imapd/grammar/search.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;
using Kind = SearchKey::Kind;

namespace {
const Limits limits;

// A notation for the tree, to compare with.
std::string show(const SearchKey& key) {
  std::string out = key.negated ? "!" : "";
  switch (key.kind) {
    case Kind::All:
      return out + "all";
    case Kind::And:
    case Kind::Or: {
      out += key.kind == Kind::And ? "and(" : "or(";
      for (const auto& child : key.children) out += show(child) + ' ';
      out.back() = ')';
      return out;
    }
    case Kind::Sequence:
      return out + "seq:" + to_text(key.set.resolve(100));
    case Kind::Uids:
      return out + "uid:" + to_text(key.set.resolve(100));
    case Kind::Flag:
      return out + key.text;
    case Kind::Address:
    case Kind::Header:
      return out + key.field + ':' + key.text;
    case Kind::Body:
      return out + "body:" + key.text;
    case Kind::Text:
      return out + "text:" + key.text;
    case Kind::Before:
      return out + "before:" + std::to_string(key.day);
    case Kind::On:
      return out + "on:" + std::to_string(key.day);
    case Kind::Since:
      return out + "since:" + std::to_string(key.day);
    case Kind::SentBefore:
      return out + "sentbefore:" + std::to_string(key.day);
    case Kind::SentOn:
      return out + "senton:" + std::to_string(key.day);
    case Kind::SentSince:
      return out + "sentsince:" + std::to_string(key.day);
    case Kind::Larger:
      return out + "larger:" + std::to_string(key.number);
    case Kind::Smaller:
      return out + "smaller:" + std::to_string(key.number);
    case Kind::Younger:
      return out + "younger:" + std::to_string(key.number);
    case Kind::Older:
      return out + "older:" + std::to_string(key.number);
    case Kind::SavedBefore:
      return out + "savedbefore:" + std::to_string(key.day);
    case Kind::SavedOn:
      return out + "savedon:" + std::to_string(key.day);
    case Kind::SavedSince:
      return out + "savedsince:" + std::to_string(key.day);
    case Kind::SaveDateSupported:
      return out + "savedatesupported";
    case Kind::EmailId:
      return out + "emailid:" + key.text;
    case Kind::ThreadId:
      return out + "threadid:" + key.text;
    case Kind::ModSeq:
      return out + "modseq:" + std::to_string(key.number);
  }
  return out;
}
}  // namespace

TEST_CASE("search keys build a tree") {
  struct Row {
    const char* text;
    const char* tree;
  };
  const Row rows[] = {
      {" ALL", "all"},
      {" answered unanswered deleted undeleted",
       "and(\\Answered !\\Answered \\Deleted !\\Deleted)"},
      {" draft UNDRAFT FLAGGED UNFLAGGED SEEN UNSEEN",
       "and(\\Draft !\\Draft \\Flagged !\\Flagged \\Seen !\\Seen)"},
      {" RECENT OLD NEW", "and(\\Recent !\\Recent and(\\Recent !\\Seen))"},
      {" NOT NEW", "!and(\\Recent !\\Seen)"},
      {" NOT NOT SEEN", "\\Seen"},
      {" KEYWORD $Junk UNKEYWORD work", "and($Junk !work)"},
      {" FROM ann TO \"b c\" CC {1}\r\nd BCC e SUBJECT \"\"",
       "and(From:ann To:b c Cc:d Bcc:e Subject:)"},
      {" HEADER Message-ID <a@b>", "Message-ID:<a@b>"},
      {" BODY x TEXT y", "and(body:x text:y)"},
      {" BEFORE 1-Jan-1970 ON 02-Jan-1970 SINCE \"3-Jan-1970\"", "and(before:0 on:1 since:2)"},
      {" SENTBEFORE 1-Jan-1970 SENTON 2-Jan-1970 SENTSINCE 3-Jan-1970",
       "and(sentbefore:0 senton:1 sentsince:2)"},
      {" LARGER 10 SMALLER 0 YOUNGER 60 OLDER 61", "and(larger:10 smaller:0 younger:60 older:61)"},
      {" SAVEDBEFORE 1-Jan-1970 SAVEDON 2-Jan-1970 SAVEDSINCE 3-Jan-1970 SAVEDATESUPPORTED",
       "and(savedbefore:0 savedon:1 savedsince:2 savedatesupported)"},
      {" EMAILID M1-_z NOT THREADID T2", "and(emailid:M1-_z !threadid:T2)"},
      {" MODSEQ 0 MODSEQ \"/flags/\\\\seen\" PRIV 9223372036854775807",
       "and(modseq:0 modseq:9223372036854775807)"},
      {" 1:3,7 UID 5:*", "and(seq:1:3,7 uid:5:100)"},
      {" *", "seq:100"},
      {" OR SEEN NOT OR FROM a FROM b", "or(\\Seen !or(From:a From:b))"},
      {" (SEEN (DRAFT)) NOT (SEEN DRAFT)", "and(and(\\Seen \\Draft) !and(\\Seen \\Draft))"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto request = parse_search(row.text, limits);
    REQUIRE(request.has_value());
    CHECK(show(request->key) == row.tree);
  }
}

TEST_CASE("CHARSET and RETURN come before the keys") {
  auto request = parse_search(" RETURN (MIN COUNT) CHARSET utf-8 TEXT x", limits);
  REQUIRE(request.has_value());
  CHECK(request->extended);
  CHECK(request->return_min);
  CHECK(request->return_count);
  CHECK_FALSE(request->return_all);
  CHECK(request->charset == "UTF-8");
  CHECK(parse_search(" RETURN () ALL", limits)->return_all);
  CHECK_FALSE(parse_search(" ALL", limits)->extended);
}

TEST_CASE("malformed SEARCH arguments are refused") {
  for (const char* text : {"",
                           " ",
                           " X",
                           " SEEN ",
                           " (SEEN",
                           " SEEN)",
                           " ()",
                           " OR SEEN",
                           " NOT",
                           " FROM",
                           " HEADER x",
                           " BEFORE x",
                           " BEFORE 32-Jan-2020",
                           " LARGER x",
                           " LARGER -1",
                           " 0",
                           " UID",
                           " UID x",
                           " CHARSET UTF-8",
                           " RETURN ALL",
                           " RETURN (X) ALL",
                           " KEYWORD",
                           " SEEN ",
                           " YOUNGER 0",
                           " OLDER 0",
                           " OLDER 4294967296",
                           " MODSEQ 9223372036854775808",
                           " MODSEQ \"/flags/x\" 1",
                           " EMAILID a.b",
                           " SAVEDON",
                           " RETURN (PARTIAL) ALL",
                           " RETURN (PARTIAL 1:2 ALL) ALL",
                           " SEEN (DRAFT"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_search(text, limits).has_value());
  }
  CHECK(parse_search("  SEEN   OR  DRAFT  NOT  YOUNGER  1", limits).has_value());
  CHECK(parse_search(" RETURN  (MIN  MAX )  (SEEN  DRAFT )", limits).has_value());
}

TEST_CASE("a search that is nested too deep is refused, however it nests") {
  Limits shallow;
  shallow.nesting_max = 10;
  for (const std::string piece : {"(", "NOT ", "OR ALL "}) {
    std::string text = " ";
    for (int i = 0; i < 100'000; ++i) text += piece;
    CHECK_FALSE(parse_search(text, shallow).has_value());
  }
}

TEST_CASE("an object's id has at most 255 characters") {
  CHECK(parse_search(" EMAILID " + std::string(255, 'x'), limits));
  CHECK_FALSE(parse_search(" EMAILID " + std::string(256, 'x'), limits));
}
