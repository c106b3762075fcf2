#include "common/session/transcript.h"

#include <doctest/doctest.h>

#include "common/base/text.h"

using namespace pennypost;

TEST_CASE("a transcript shows who said what, in lines that fit a mail") {
  Transcript transcript;
  CHECK(transcript.text().empty());
  transcript.said("220 mail.example.org ESMTP\r\n");
  transcript.heard("EHLO x\x01\xff");
  transcript.said("250-mail.example.org\r\n250 HELP\r\n");
  transcript.said("QUIT");
  CHECK(transcript.text() ==
        " Out: 220 mail.example.org ESMTP\n In:  EHLO x??\n Out: 250-mail.example.org\n"
        " Out: 250 HELP\n Out: QUIT\n");
}

TEST_CASE("long lines are folded at blanks, and cut where there are none") {
  Transcript transcript;
  transcript.said("550 " + std::string(60, 'a') + " " + std::string(30, 'b'));
  transcript.heard(std::string(100, 'c'));
  CHECK(transcript.text() == " Out: 550 " + std::string(60, 'a') + "\n     " +
                                 std::string(30, 'b') + "\n In:  " + std::string(73, 'c') +
                                 "\n     " + std::string(27, 'c') + "\n");
  Transcript huge;
  huge.heard(std::string(100'000, 'd'));
  CHECK(huge.text().size() < 2 * transcript_line_bytes_max);
}

TEST_CASE("of a long dialogue the newest lines are kept") {
  Transcript transcript;
  for (int i = 0; i < 10'000; ++i) transcript.heard("NOOP " + std::to_string(i));
  std::string text = transcript.text();
  CHECK(text.size() < 2 * transcript_bytes_max);
  CHECK(text.ends_with(" In:  NOOP 9998\n In:  NOOP 9999\n"));
  CHECK(text.starts_with(" ("));
  auto kept = split(text, '\n').size() - 2;  // without the first, and what follows the last
  CHECK(text.starts_with(" (" + std::to_string(10'000 - kept) + " earlier lines are left out)\n"));
}
