#include "common/log/screen_lines.h"

#include <doctest/doctest.h>

#include "common/base/file.h"
#include "common/base/scratch.h"
#include "common/log/log.h"
#include "common/log/sink.h"
#include "common/log/tls_log.h"

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

TEST_CASE("in a log of JSON the tests of strangers and TLS with next hops are fields") {
  Scratch scratch;
  LogOptions options;
  options.maillog_file = scratch / "log";
  options.log_format = "json";
  {
    LogCapture restore;
    REQUIRE(open_log(options));
    ScreenedPeer peer{"[192.0.2.7]:4711", "[192.0.2.1]:25"};
    log_pregreet(peer, Microseconds(220'000), "EHLO \"x\"\r\n");
    log_screened_recipient(peer, {"550 5.7.1 no", "a@b", "x@y", "ESMTP", "h"});
    log_certificate_problem("smtp", "mx.example.net[192.0.2.7]:25", "self-signed certificate");
    LogTls tls;
    tls.trust = "Verified";
    tls.target = "mx.example.net[192.0.2.7]:25";
    tls.protocol = "TLSv1.3";
    tls.cipher = "TLS_AES_256_GCM_SHA384";
    tls.bits = 256;
    log_tls_to("smtp", tls);
  }
  auto lines = read_file(options.maillog_file, 1 << 20);
  REQUIRE(lines);
  auto has = [&](std::string_view part) { return (*lines)->find(part) != std::string::npos; };
  CHECK(has(R"("action":"PREGREET","size":10,"delay":0.22,"client":"[192.0.2.7]:4711",)"
            R"("input":"EHLO \"x\"\\r\\n","message":)"));
  CHECK(has(R"("action":"reject","client":"[192.0.2.7]:4711","reply":"550 5.7.1 no","from":"a@b",)"
            R"("to":"x@y","proto":"ESMTP","helo":"h","message":"NOQUEUE: reject: RCPT from )"));
  CHECK(has(R"("relay":"mx.example.net[192.0.2.7]:25","reason":"self-signed certificate",)"));
  CHECK(has(R"("trust":"Verified","relay":"mx.example.net[192.0.2.7]:25","protocol":"TLSv1.3",)"
            R"("cipher":"TLS_AES_256_GCM_SHA384","bits":256,"message":)"));
}
