#include "imapd/grammar/message_url.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost::imap;

TEST_CASE("a URL names a message of a mailbox, or of the selected one, and perhaps a part of it") {
  Limits limits;
  auto url = parse_message_url(
      "/Entw%C3%BCrfe/a;UIDVALIDITY=385759045/;UID=20/;Section=1.2.MIME/;PARTIAL=3.1024", limits);
  REQUIRE(url.has_value());
  CHECK(url->mailbox == "Entw\xc3\xbcrfe/a");
  CHECK(url->uid_validity == 385759045u);
  CHECK(url->uid == 20);
  CHECK(url->section.part == std::vector<std::uint32_t>{1, 2});
  CHECK(url->section.text == Section::Text::Mime);
  CHECK(url->partial->offset == 3);
  CHECK(url->partial->count == 1024);

  auto own = parse_message_url(";uid=7/;SECTION=HEADER.FIELDS%20(To%20Cc)/;PARTIAL=5", limits);
  REQUIRE(own.has_value());
  CHECK_FALSE(own->mailbox.has_value());
  CHECK(own->section.fields == std::vector<std::string>{"To", "Cc"});
  CHECK(own->partial->offset == 5);
  CHECK(own->partial->count == UINT64_MAX);
  CHECK(parse_message_url("/;UID=4294967295", limits)->uid == UINT32_MAX);
}

TEST_CASE(
    "a URL that names no message of this account is refused with BADURL, itself and a reason") {
  Limits limits;
  struct Row {
    std::string url;
    std::string why;
  };
  const Row rows[] = {
      {"", "it names no message"},
      {"/INBOX", "it names no message"},
      {"/INBOX/;UID=0", "its UID is no number"},
      {"/INBOX/;UID=4294967296", "its UID is no number"},
      {"/INBOX/;UID=1x", "its UID is no number"},
      {"/IN%4/;UID=1", "its mailbox is not properly encoded"},
      {"//;UID=1", "only URLs of this account, without a host, are known here"},
      {"INBOX/;UID=1", "only URLs of this account, without a host, are known here"},
      {"imap://ann@host/INBOX/;UID=1", "only URLs of this account, without a host, are known here"},
      {"//host/INBOX/;UID=1", "only URLs of this account, without a host, are known here"},
      {"/INBOX;UIDVALIDITY=/;UID=1", "its UIDVALIDITY is no number"},
      {"/INBOX/;UID=1/;SECTION=", "its section is none"},
      {"/INBOX/;UID=1/;SECTION=1.0", "its section is none"},
      {"/INBOX/;UID=1/;SECTION=TEXT]x", "its section is none"},
      {"/INBOX/;UID=1/;PARTIAL=1.0", "its PARTIAL is none"},
      {"/INBOX/;UID=1/;PARTIAL=x", "its PARTIAL is none"},
      {"/INBOX/;UID=1/;EXPIRE=1", "something follows that is not known"},
      {"/INBOX/;UID=1/;PARTIAL=1/;SECTION=TEXT", "something follows that is not known"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.url);
    auto url = parse_message_url(row.url, limits);
    REQUIRE_FALSE(url.has_value());
    CHECK(url.error().code() == 550);
    CHECK(url.error().text().ends_with("The URL can't be used: " + row.why));
  }
  auto bracket = parse_message_url("]", limits);
  CHECK(bracket.error().text().starts_with("[BADURL ?] "));
}
