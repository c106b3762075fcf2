#include "common/log/screen_lines.h"

#include <doctest/doctest.h>

#include "common/log/sink.h"

using namespace pennypost;

TEST_CASE("the tests of strangers are logged as Postfix's postscreen logs them") {
  LogCapture log;
  ScreenedPeer peer{"[192.0.2.7]:4711", "[192.0.2.1]:25"};
  log_screened(peer);
  CHECK(log.last() == "postscreen: CONNECT from [192.0.2.7]:4711 to [192.0.2.1]:25");
  log_screen_verdict("PASS NEW", peer);
  CHECK(log.last() == "postscreen: PASS NEW [192.0.2.7]:4711");
  log_pregreet(peer, Microseconds(220'000), "EHLO ylmf-pc\r\n");
  CHECK(log.last() ==
        "postscreen: PREGREET 14 after 0.22 from [192.0.2.7]:4711: EHLO ylmf-pc\\r\\n");
  log_dnsbl_rank(peer, 3);
  CHECK(log.last() == "postscreen: DNSBL rank 3 for [192.0.2.7]:4711");
  log_dnsbl_listing("192.0.2.7", "bl.example.org", "127.0.0.2");
  CHECK(log.last() == "dnsblog: addr 192.0.2.7 listed by domain bl.example.org as 127.0.0.2");
  log_screen_fault("BARE NEWLINE", peer, "EHLO x");
  CHECK(log.last() == "postscreen: BARE NEWLINE from [192.0.2.7]:4711 after EHLO x");
  log_screen_fault("COMMAND PIPELINING", peer, "EHLO", "MAIL FROM:<a@b>\r\n");
  CHECK(log.last() ==
        "postscreen: COMMAND PIPELINING from [192.0.2.7]:4711 after EHLO: MAIL FROM:<a@b>\\r\\n");
  log_screen_hangup(peer, Microseconds(1'400'000), "before");
  CHECK(log.last() ==
        "postscreen: HANGUP after 1.4 from [192.0.2.7]:4711 in tests before SMTP handshake");
  log_screened_recipient(peer, {"550 5.7.1 no", "a@b", "x@y", "ESMTP", "h"});
  CHECK(log.last() ==
        "postscreen: NOQUEUE: reject: RCPT from [192.0.2.7]:4711: 550 5.7.1 no; "
        "from=<a@b>, to=<x@y>, proto=ESMTP, helo=<h>");
}

TEST_CASE("what a stranger sends can neither break nor flood the log") {
  LogCapture log;
  ScreenedPeer peer{"[192.0.2.7]:4711", "[192.0.2.1]:25"};
  log_pregreet(peer, Microseconds(0), std::string("\x01\xff\\\t") + std::string(1000, 'x'));
  CHECK(
      log.last().starts_with("postscreen: PREGREET 1004 after 0 from [192.0.2.7]:4711: "
                             "\\001\\377\\\\\\txxx"));
  CHECK(log.last().size() < 200);
}
