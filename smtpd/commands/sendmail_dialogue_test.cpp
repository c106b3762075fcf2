#include "smtpd/commands/sendmail_dialogue.h"

#include <doctest/doctest.h>

#include <sstream>

#include "common/base/text.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// The replies, with `|` in place of line ends.
std::string talk(const std::string& said, std::vector<std::string> settings = {}) {
  settings.push_back("myhostname=mail.example.org");
  auto config = config_for_test(std::move(settings));
  std::istringstream in(said);
  std::ostringstream out;
  CHECK(sendmail_dialogue(*config, "/nowhere", in, out) == 0);
  std::string answers;
  for (std::string_view rest = out.view(); !rest.empty();) {
    auto end = rest.find("\r\n");
    REQUIRE(end != rest.npos);
    answers += (answers.empty() ? "" : "|") + std::string(rest.substr(0, end));
    rest.remove_prefix(end + 2);
  }
  return answers;
}

const std::string begun = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n";
const std::string greeting = "220 mail.example.org ESMTP Pennypost|";
const std::string taken = "250 2.1.0 Ok|250 2.1.5 Ok|354 End data with <CR><LF>.<CR><LF>|";
constexpr const char* too_large = "552 5.3.4 Message size exceeds fixed limit";

}  // namespace

TEST_CASE("sendmail -bs answers each command, in any case, with a code and a status") {
  const std::pair<std::string, std::string> rows[] = {
      {"ehlo here\r\n",
       "250-mail.example.org|250-SIZE 10240000|250-ENHANCEDSTATUSCODES|250-8BITMIME|250 SMTPUTF8"},
      {"HELO here\n", "250 mail.example.org"},
      {"EHLO\r\n", "501 Syntax: EHLO hostname"},
      {"NOOP\r\n", "250 2.0.0 Ok"},
      {"VRFY ann\r\n", "252 2.0.0 ann"},
      {"HELP\r\n", "502 5.5.2 Error: command not recognized"},
      {std::string(dialogue_line_bytes_max + 1, 'x') + "\r\n", "500 5.5.2 Error: line too long"},
      {"RCPT TO:<bob@example.org>\r\n", "503 5.5.1 Error: need MAIL command"},
      {"DATA\r\n", "503 5.5.1 Error: need MAIL command"},
      {"MAIL FROM:<>\r\nMAIL FROM:<>\r\n", "250 2.1.0 Ok|503 5.5.1 Error: nested MAIL command"},
      {"MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n", "250 2.1.0 Ok|250 2.0.0 Ok|250 2.1.0 Ok"},
      {"MAIL FROM:<>\r\nHELO again\r\nDATA\r\n",
       "250 2.1.0 Ok|250 mail.example.org|503 5.5.1 Error: need MAIL command"},
      {"MAIL FROM:<>\r\nDATA\r\n", "250 2.1.0 Ok|554 5.5.1 Error: no valid recipients"},
      {"MAIL FROM:<> RET=FULL\r\n", "555 5.5.4 Unsupported option"},
      {"MAIL FROM:<> SIZE=10240001\r\n", too_large},
      {"MAIL FROM:<>\r\nRCPT TO:<bob@example.org> NOTIFY=NEVER\r\n",
       "250 2.1.0 Ok|555 5.5.4 Unsupported option"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(talk(row.first + "QUIT\r\nNOOP\r\n") == greeting + row.second + "|221 2.0.0 Bye");
  }
}

TEST_CASE("sendmail -bs ends a message at a dot whose lines end as the program ends its own") {
  // Nothing is submitted, since each is too large: the reply to the next command shows where the
  // message ended.
  auto ended = [](const std::string& content) {
    return talk(begun + content, {"message_size_limit=10"});
  };
  std::string lf_begun = begun;
  std::erase(lf_begun, '\r');
  CHECK(ended("DATA\r\nlonger than it may be\r\n.\r\nNOOP\r\n") ==
        greeting + taken + too_large + "|250 2.0.0 Ok");
  CHECK(talk(lf_begun + "DATA\nlonger than it may be\n.\nNOOP\n", {"message_size_limit=10"}) ==
        greeting + taken + too_large + "|250 2.0.0 Ok");
  // With CRLF, none of LF . LF, LF . CRLF and CRLF . LF ends it.
  CHECK(ended("DATA\r\nlonger than it may be\n.\nNOOP\n.\r\nNOOP\r\n.\nNOOP\r\n.\r\nVRFY a\r\n") ==
        greeting + taken + too_large + "|252 2.0.0 a");
  // A doubled dot is text, and an unfinished message gets no reply.
  CHECK(ended("DATA\r\nlonger than it may be\r\n..\r\n") + "|" == greeting + taken);
}

TEST_CASE("sendmail -bs counts a message's octets with CRLF and without the dots of its dialogue") {
  for (const char* content : {"..345678\r\n.\r\n", "..345678\n.\n"}) {
    CAPTURE(content);
    bool is_lf = std::string_view(content).find('\r') == std::string_view::npos;
    std::string said = begun + "DATA\r\n" + content;
    if (is_lf) std::erase(said, '\r');
    CHECK(talk(said, {"message_size_limit=8"}).ends_with(too_large));
    // With nine octets it would be submitted, but there is no queue.
    CHECK_FALSE(talk(said, {"message_size_limit=9", "queue_directory=/nowhere",
                            "command_directory=/nowhere"})
                    .ends_with(too_large));
  }
}
