#include "smtpd/inbound/screen.h"

#include <algorithm>

#include "common/dns/testing.h"
#include "smtpd/inbound/session_testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::int64_t now = 1'700'000'000;  // of ManualClock

/// A service that tests its clients. Without a first line of the greeting nobody is kept waiting.
std::vector<std::string> screened(std::vector<std::string> settings) {
  settings.insert(settings.begin(), {"postscreen_enable=yes", "postscreen_greet_banner=",
                                     "mynetworks=127.0.0.0/8", "smtpd_error_sleep_time=0s"});
  return settings;
}

const std::string good = std::string(envelope_commands) + quit_commands;

const char* const listed_text =
    "Service unavailable; client [198.51.100.9] blocked using bl.example.org";

}  // namespace

TEST_CASE("a client of the access list is not tested") {
  Stage stage(screened({"postscreen_access_list=permit"}));
  CHECK(stage.run(good) == "");
  CHECK(logged(stage, "postscreen: CONNECT from [198.51.100.9]:4711 to [192.0.2.7]:25"));
  CHECK(logged(stage, "postscreen: ALLOWLISTED [198.51.100.9]:4711"));
  CHECK(logged(stage, "smtpd: connect from client.example[198.51.100.9]"));
}

TEST_CASE("a client that the access list rejects is treated as postscreen_denylist_action says") {
  Stage dropped(screened({"postscreen_access_list=cidr:/a", "postscreen_denylist_action=drop"}));
  dropped.backend.screen_table["198.51.100.9"] = ScreenAccess::Answer::Reject;
  CHECK(dropped.run("S: 521 5.3.2 Service currently unavailable\nS!") == "");
  CHECK(logged(dropped, "postscreen: DENYLISTED [198.51.100.9]:4711"));
  CHECK(dropped.log.last() == "postscreen: DISCONNECT [198.51.100.9]:4711");

  Stage ignored(screened({"postscreen_access_list=reject"}));
  CHECK(ignored.run(good) == "");
}

TEST_CASE("a client that speaks before its turn is dropped, or let through, as the action says") {
  Stage dropped(screened({"postscreen_greet_banner=wait", "postscreen_greet_action=drop"}));
  CHECK(dropped.run("C: EHLO ylmf-pc\nS: 220-wait\nS: 521 5.5.1 Protocol error\nS!") == "");
  auto lines = dropped.log.lines();
  CHECK(std::ranges::any_of(lines, [](const std::string& line) {
    return line.starts_with("postscreen: PREGREET 14 after 0") &&
           line.ends_with(" from [198.51.100.9]:4711: EHLO ylmf-pc\\r\\n");
  }));
  CHECK(dropped.backend.passed.empty());

  Stage ignored(screened({"postscreen_greet_banner=wait", "postscreen_greet_action=ignore"}));
  CHECK(ignored.run(R"(
    C: EHLO client.example
    S: 220-wait
    S: 220 mail.example.com ESMTP Pennypost
    S* 250
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(ignored.backend.passed.empty());
}

TEST_CASE("a client that failed is refused each recipient, and asks nothing of the policy") {
  Stage stage(screened({"postscreen_greet_banner=wait", "postscreen_greet_action=enforce",
                        "smtpd_client_restrictions=reject", "smtpd_delay_reject=no"}));
  CHECK(stage.run(R"(
    C: EHLO client.example
    S: 220-wait
    S* 250
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: authentication not enabled
    C: RCPT TO:<bob@example.com>
    S: 503 5.5.1 Error: need MAIL command
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: MAIL FROM:<ann@client.example>
    S: 503 5.5.1 Error: nested MAIL command
    C: RCPT TO:<bob@example.com>
    S: 550 5.5.1 Protocol error
    C: RSET
    S: 250 2.0.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 503 5.5.1 Error: need MAIL command
    C: VRFY bob
    S: 252 2.0.0 Cannot VRFY user
    C: XCLIENT ADDR=127.0.0.1
    S: 550 5.7.0 Error: insufficient authorization
    C: DATA
    S: 554 5.5.1 Error: no valid recipients
    S!
  )") == "");
  CHECK(logged(stage,
               "postscreen: NOQUEUE: reject: RCPT from [198.51.100.9]:4711: 550 5.5.1 "
               "Protocol error; from=<ann@client.example>, to=<bob@example.com>, "
               "proto=ESMTP, helo=<client.example>"));
  CHECK(stage.backend.asked.empty());
  CHECK(stage.backend.lists.empty());
  CHECK(stage.backend.passed.empty());
  auto lines = stage.log.lines();
  CHECK(std::ranges::none_of(lines,
                             [](const std::string& line) { return line.starts_with("smtpd:"); }));
}

TEST_CASE("the scores of DNS lists add up, and a client beyond the threshold is refused") {
  TableResolver resolver;
  resolver.address("9.100.51.198.bl.example.org", "127.0.0.4")
      .address("9.100.51.198.other.example", "127.0.0.9")
      .address("9.100.51.198.wl.example", "127.0.0.1");
  std::vector<std::string> settings{
      "postscreen_dnsbl_sites=bl.example.org=127.0.0.[2;4..6]*2, other.example=127.0.0.2*5, "
      "wl.example*-1",
      "postscreen_dnsbl_action=drop"};

  Stage at_threshold(screened(settings));
  at_threshold.resolver = &resolver;
  CHECK(at_threshold.run("S: 521 5.7.1 " + std::string(listed_text) + "\nS!") == "");
  CHECK(logged(at_threshold, "postscreen: DNSBL rank 1 for [198.51.100.9]:4711"));
  CHECK(logged(at_threshold,
               "dnsblog: addr 198.51.100.9 listed by domain bl.example.org as 127.0.0.4"));

  settings.emplace_back("postscreen_dnsbl_threshold=2");
  Stage below(screened(settings));
  below.resolver = &resolver;
  CHECK(below.run(good) == "");
  CHECK(logged(below, "postscreen: PASS NEW [198.51.100.9]:4711"));
  // The answers of the table live for 0 s.
  CHECK(below.backend.passed["198.51.100.9"].dnsbl == now + 60);
}

TEST_CASE(
    "the name of a DNS list that holds a secret is replaced, also while tables can't be read") {
  TableResolver resolver;
  resolver.address("9.100.51.198.key123.example", "127.0.0.2");
  std::vector<std::string> settings{"postscreen_dnsbl_sites=key123.example",
                                    "postscreen_dnsbl_action=drop",
                                    "postscreen_dnsbl_reply_map=hash:/r"};
  for (bool is_down : {false, true}) {
    Stage stage(screened(settings));
    stage.resolver = &resolver;
    stage.backend.is_lookup_down = is_down;
    std::string name = is_down ? "a DNS list" : "public.key123.example";
    CHECK(stage.run("S: 521 5.7.1 Service unavailable; client [198.51.100.9] blocked using " +
                    name + "\nS!") == "");
  }
}

TEST_CASE("a DNS list that does not answer turns nobody away, and its silence is not kept long") {
  TableResolver resolver;
  resolver.try_later("9.100.51.198.bl.example.org", DnsType::A);
  Stage stage(screened({"postscreen_dnsbl_sites=bl.example.org", "postscreen_dnsbl_action=drop"}));
  stage.resolver = &resolver;
  CHECK(stage.run(good) == "");
  CHECK(stage.backend.passed["198.51.100.9"].dnsbl == now + 60);
}

TEST_CASE("a client praised by DNS lists is spared the other tests") {
  TableResolver resolver;
  resolver.address("9.100.51.198.wl.example", "127.0.0.1");
  Stage stage(
      screened({"postscreen_greet_banner=wait", "postscreen_greet_wait=300s",
                "postscreen_dnsbl_sites=wl.example*-2", "postscreen_dnsbl_allowlist_threshold=-2",
                "postscreen_pipelining_enable=yes"}));
  stage.resolver = &resolver;
  CHECK(stage.run(std::string("S: 220-wait\n") + good) == "");
  CHECK(logged(stage, "postscreen: PASS NEW [198.51.100.9]:4711"));
  CHECK(stage.backend.passed["198.51.100.9"] == PassedTests{now + 60, now + 60, now + 60, 0, 0});
}

TEST_CASE("a client that has passed is not tested again until its time is over") {
  Stage known(screened({"postscreen_greet_banner=wait", "postscreen_greet_wait=300s"}));
  known.backend.passed["198.51.100.9"].greet = now + 1;
  CHECK(known.run(good) == "");
  CHECK(logged(known, "postscreen: PASS OLD [198.51.100.9]:4711"));

  Stage expired(screened({"postscreen_greet_banner=wait", "postscreen_greet_wait=300s",
                          "postscreen_greet_action=drop"}));
  expired.backend.passed["198.51.100.9"].greet = now;
  CHECK(expired.run("C: EHLO x\nS: 220-wait\nS: 521 5.5.1 Protocol error\nS!") == "");
}

TEST_CASE("on an address where nobody passes, strangers are asked to try another") {
  Stage stage(screened({"postscreen_allowlist_interfaces=!192.0.2.7, static:all",
                        "postscreen_pipelining_enable=yes"}));
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: HELO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 450 4.3.2 Service currently unavailable
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(logged(stage, "postscreen: ALLOWLIST VETO [198.51.100.9]:4711"));
  CHECK(stage.backend.passed.empty());
}

TEST_CASE("who keeps to the protocol up to its first recipient passes, and its mail goes on") {
  Stage stage(screened({"postscreen_pipelining_enable=yes", "postscreen_bare_newline_enable=yes",
                        "postscreen_non_smtp_command_enable=yes"}));
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-SIZE 10240000
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Subject: x
    C:
    C: .
    S: 250 2.0.0 Ok: queued as QUEUEID
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(logged(stage, "postscreen: PASS NEW [198.51.100.9]:4711"));
  constexpr std::int64_t month = 30 * 86400;
  CHECK(stage.backend.passed["198.51.100.9"] ==
        PassedTests{0, 0, now + month, now + month, now + month});
}

TEST_CASE("each fault after the greeting is logged and answered as its action says") {
  Stage pipelining(screened({"postscreen_pipelining_enable=yes"}));
  CHECK(pipelining.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C> EHLO client.example\r\nMAIL FROM:<ann@client.example>\r\nRCPT TO:<bob@example.com>\r\n
    S* 250
    S: 250 2.1.0 Ok
    S: 550 5.5.1 Protocol error
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(logged(pipelining,
               "postscreen: COMMAND PIPELINING from [198.51.100.9]:4711 after EHLO: "
               "MAIL FROM:<ann@client.example>\\r\\nRCPT TO:<bob@example.com>\\r\\n"));

  Stage foreign(screened({"postscreen_non_smtp_command_enable=yes"}));
  CHECK(foreign.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: GET / HTTP/1.1
    S: 521 5.7.0 Error: this is not an SMTP command. Goodbye.
    S!
  )") == "");
  CHECK(logged(foreign,
               "postscreen: NON-SMTP COMMAND from [198.51.100.9]:4711 after CONNECT: "
               "GET / HTTP/1.1"));

  Stage bare(screened({"postscreen_bare_newline_enable=yes", "postscreen_bare_newline_action=drop",
                       "smtpd_forbid_bare_newline=no"}));
  CHECK(bare.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C> EHLO client.example\n
    S: 521 5.5.1 Protocol error
    S!
  )") == "");
  CHECK(
      logged(bare, "postscreen: BARE NEWLINE from [198.51.100.9]:4711 after EHLO client.example"));

  Stage ignored(screened({"postscreen_pipelining_enable=yes", "postscreen_pipelining_action=ignore",
                          "smtpd_forbid_unauth_pipelining=no"}));
  CHECK(ignored.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C> EHLO client.example\r\nMAIL FROM:<ann@client.example>\r\nRCPT TO:<bob@example.com>\r\n
    S* 250
    S: 250 2.1.0 Ok
    S: 250 2.1.5 Ok
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
}

TEST_CASE("a client under test that never comes to a recipient is disconnected") {
  Stage stage(screened({"postscreen_pipelining_enable=yes", "postscreen_command_count_limit=2"}));
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: NOOP
    S: 250 2.0.0 Ok
    C: NOOP
    S: 250 2.0.0 Ok
    C: NOOP
    S: 421 4.7.0 mail.example.com Error: too many commands
    S!
  )") == "");
  CHECK(logged(stage, "postscreen: COMMAND COUNT LIMIT from [198.51.100.9]:4711 after NOOP"));
}

TEST_CASE("a client that hangs up while it is kept waiting is told of") {
  Stage stage(screened({"postscreen_greet_banner=wait", "postscreen_greet_wait=300s"}));
  CHECK(stage.run("S: 220-wait") == "");
  auto lines = stage.log.lines();
  CHECK(std::ranges::any_of(lines, [](const std::string& line) {
    return line.starts_with("postscreen: HANGUP after 0") &&
           line.ends_with("from [198.51.100.9]:4711 in tests before SMTP handshake");
  }));
  CHECK(lines.back() == "postscreen: DISCONNECT [198.51.100.9]:4711");
}

TEST_CASE("submission is not tested, nor is anybody unless postscreen_enable says so") {
  Stage off({"postscreen_access_list=reject", "postscreen_denylist_action=drop"});
  CHECK(off.run(good) == "");
  Stage submission(screened({"postscreen_access_list=reject", "postscreen_denylist_action=drop"}),
                   Service::Submission);
  CHECK(submission.run("S: 220 mail.example.com ESMTP Pennypost\nC: QUIT\nS: 221 2.0.0 Bye\nS!") ==
        "");
}
