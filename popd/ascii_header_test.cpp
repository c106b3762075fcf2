#include "popd/ascii_header.h"

#include <doctest/doctest.h>

#include "common/mail/encoded.h"

using namespace pennypost;
using pop::ascii_header;

TEST_CASE("a header that is ASCII, or beyond it but not UTF-8, stays as it is") {
  CHECK_FALSE(ascii_header("Subject: x\r\n\r\n"));
  CHECK_FALSE(ascii_header("Subject: gr\xfc\xdf\r\n\r\n"));
  CHECK_FALSE(ascii_header("no field \xc3\xbc\r\n"));
  CHECK_FALSE(ascii_header("N\xc3\xa4me: x\r\n"));
}

TEST_CASE("raw UTF-8 becomes ASCII that decodes to the same text") {
  auto made = ascii_header("X: 1\r\nSubject: re: gr\xc3\xbc\xc3\x9f dich wohl\r\n\r\n");
  REQUIRE(made);
  CHECK(*made == "X: 1\r\nSubject: re: =?utf-8?B?Z3LDvMOf?= dich wohl\r\n\r\n");
  auto two = ascii_header("Subject: \xc3\xa4 b \xc3\xb6\r\n");
  REQUIRE(two);
  CHECK(decode_words(two->substr(9)) == "\xc3\xa4 b \xc3\xb6\r\n");
  auto folded = ascii_header("Subject: a\r\n \xc3\xa4\r\nTo: x\r\n");
  REQUIRE(folded);
  CHECK(folded->ends_with("\r\nTo: x\r\n"));
}

TEST_CASE("a name beside an ASCII address is encoded, and an address beyond ASCII leads nowhere") {
  CHECK(*ascii_header("From: J\xc3\xb6rg <j@x.de>, \"\xc3\x84, B\" <b@x.de>\r\n") ==
        "From: =?utf-8?Q?J=C3=B6rg?= <j@x.de>, =?utf-8?Q?=C3=84=2C_B?= <b@x.de>\r\n");
  auto two = ascii_header("From: J\xc3\xb6rg M\xc3\xbcller <\xc3\xa4@x.de>\r\n");
  REQUIRE(two);
  CHECK(decode_words(two->substr(6)) ==
        "J\xc3\xb6rg M\xc3\xbcller \xc3\xa4@x.de <invalid@internationalized-address.invalid>\r\n");
  CHECK(*ascii_header("To: \xc3\xa4@x.de, b@x.de (\xc3\xa4)\r\n") ==
        "To: =?utf-8?Q?=C3=A4=40x=2Ede?= <invalid@internationalized-address.invalid>,\r\n "
        "b@x.de (=?utf-8?Q?=C3=A4?=)\r\n");
  CHECK(
      *ascii_header("Cc: \"x\"<\xc3\xa4@x.de>\r\n") ==
      "Cc: \"x\" =?utf-8?Q?=C3=A4=40x=2Ede?=\r\n <invalid@internationalized-address.invalid>\r\n");
}

TEST_CASE("a file name is put in the form of RFC 2231") {
  CHECK(*ascii_header("Content-Disposition: attachment; filename=\"\xc3\xa4 b.pdf\"\r\n") ==
        "Content-Disposition: attachment; filename*=utf-8''%C3%A4%20b.pdf\r\n");
}

TEST_CASE(
    "a file name without quotes is put in that form as well, and nothing else of the field "
    "changes") {
  CHECK(*ascii_header("Content-Disposition: attachment; filename=\xc3\xa4.pdf; size=3\r\n") ==
        "Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf; size=3\r\n");
  CHECK(*ascii_header("Content-Description: \xc3\xa4 b\r\n") ==
        "Content-Description: =?utf-8?Q?=C3=A4?= b\r\n");
}

TEST_CASE(
    "no encoded word stands in an identifier or in Received: what is beyond ASCII is left out") {
  CHECK(*ascii_header("Message-ID: <\xc3\xa4@x>\r\nSubject: s\r\n\r\n") == "Subject: s\r\n\r\n");
  CHECK(*ascii_header("References: <1@x>\r\n <\xc3\xa4@x> <2@x>\r\n") ==
        "References: <1@x> <2@x>\r\n");
  CHECK(*ascii_header("Received: from \xc3\xa4.de by x; date\r\nReceived: from a by b; date\r\n") ==
        "Received: from a by b; date\r\n");
}
