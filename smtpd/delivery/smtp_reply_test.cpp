#include "smtpd/delivery/smtp_reply.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

SmtpReply parse(std::initializer_list<const char*> lines) {
  ReplyParser parser;
  for (const char* line : lines) {
    auto is_last = parser.feed(line);
    REQUIRE(is_last);
  }
  return parser.take();
}

}  // namespace

TEST_CASE("replies give code, status and text in one line") {
  struct Case {
    std::initializer_list<const char*> lines;
    const char* status;
    const char* text;
  };
  for (const Case& row :
       {Case{{"250 2.0.0 Ok: queued as X"}, "2.0.0", "250 2.0.0 Ok: queued as X"},
        Case{{"250"}, "2.0.0", "250"},
        Case{{"550-5.1.1 no such user", "550 5.1.1 here"}, "5.1.1", "550 5.1.1 no such user here"},
        Case{{"450 try again"}, "4.0.0", "450 try again"},
        Case{{"550 4.2.2 mixed up"}, "5.0.0", "550 4.2.2 mixed up"},
        Case{{"554 a\x01z"}, "5.0.0", "554 a?z"}}) {
    auto reply = parse(row.lines);
    CHECK(reply.effective_status().text() == row.status);
    CHECK(reply.text() == row.text);
  }
}

TEST_CASE("what is no reply is refused") {
  for (const char* bad : {"", "25", "2x0 a", "150 a", "650 a", "250x", "SSH-2.0-OpenSSH"}) {
    CAPTURE(bad);
    ReplyParser parser;
    CHECK_FALSE(parser.feed(bad));
  }
  ReplyParser parser;
  for (std::size_t i = 0; i < reply_lines_max; ++i) REQUIRE(parser.feed("250-more"));
  CHECK_FALSE(parser.feed("250-more"));
}

TEST_CASE("EHLO's keywords are read without case, but for those not to be believed") {
  auto ehlo = parse({"250-mx.example.org", "250-pipelining", "250-SIZE 1000",
                     "250-AUTH PLAIN login", "250-STARTTLS", "250 8BITMIME"});
  auto features = PeerFeatures::parse(ehlo, {"starttls"});
  CHECK(features.pipelining);
  CHECK(features.size_max == Limit(1000));
  CHECK(features.eight_bit_mime);
  CHECK_FALSE(features.starttls);
  CHECK_FALSE(features.dsn);
  CHECK(features.auth_mechanisms == std::vector<std::string>{"PLAIN", "LOGIN"});
}
