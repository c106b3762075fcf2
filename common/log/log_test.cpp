#include "common/log/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/base/scratch.h"
#include "common/base/text.h"

using namespace pennypost;

namespace {

const LogPeer mx{"mx.example.net", "192.0.2.7"};

std::string whole_file(const std::string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the lines of a session are Postfix's") {
  LogCapture log;
  log_connect(mx);
  CHECK(log.last() == "smtpd: connect from mx.example.net[192.0.2.7]");
  log_connect({"", "2001:db8::1"});
  CHECK(log.last() == "smtpd: connect from unknown[2001:db8::1]");
  log_disconnect(mx, "ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4");
  CHECK(log.last() ==
        "smtpd: disconnect from mx.example.net[192.0.2.7] ehlo=1 mail=1 rcpt=0/1 quit=1 "
        "commands=3/4");
  log_broken_off("lost connection", "DATA", mx);
  CHECK(log.last() == "smtpd: lost connection after DATA from mx.example.net[192.0.2.7]");
  log_client("4Zk2Qn1", mx, "PLAIN", "ann");
  CHECK(log.last() ==
        "smtpd: 4Zk2Qn1: client=mx.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=ann");
  log_client("4Zk2Qn1", mx, "", "");
  CHECK(log.last() == "smtpd: 4Zk2Qn1: client=mx.example.net[192.0.2.7]");
  log_tls("Anonymous", mx, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256);
  CHECK(log.last() ==
        "smtpd: Anonymous TLS connection established from mx.example.net[192.0.2.7]: TLSv1.3 with "
        "cipher TLS_AES_256_GCM_SHA384 (256/256 bits)");
  log_sasl_failed(mx, "LOGIN", "wrong password", "ann");
  CHECK(log.last() ==
        "smtpd: warning: mx.example.net[192.0.2.7]: SASL LOGIN authentication failed: wrong "
        "password, sasl_username=ann");
}

TEST_CASE("a refusal names stage, client, reply, sender, recipient, protocol and HELO") {
  LogCapture log;
  LogTransaction transaction;
  transaction.stage = "RCPT";
  transaction.peer = {"h", "192.0.2.9"};
  transaction.has_sender = true;
  transaction.sender = "a@b";
  transaction.has_recipient = true;
  transaction.recipient = "x@y";
  transaction.protocol = "ESMTP";
  transaction.helo = "h";
  log_decision("reject", transaction, "554 5.7.1 <x@y>: Relay access denied");
  CHECK(log.last() ==
        "smtpd: NOQUEUE: reject: RCPT from h[192.0.2.9]: 554 5.7.1 <x@y>: Relay access denied; "
        "from=<a@b> to=<x@y> proto=ESMTP helo=<h>");
  LogTransaction connect;
  connect.queue_id = "4Zk";
  connect.stage = "CONNECT";
  connect.peer = {"h", "192.0.2.9"};
  log_decision("hold", connect, "waits");
  CHECK(log.last() == "smtpd: 4Zk: hold: CONNECT from h[192.0.2.9]: waits");
}

TEST_CASE("the lines of a message's way are Postfix's") {
  LogCapture log;
  LogTransaction checked;
  checked.queue_id = "4Zk2Qn1";
  log_authentication(checked, "spf=pass dmarc=pass (example.org)\n");
  CHECK(log.last() == "smtpd: 4Zk2Qn1: authentication: spf=pass dmarc=pass (example.org)?");
  log_message_id("4Zk2Qn1", "<a1@example.net>");
  CHECK(log.last() == "cleanup: 4Zk2Qn1: message-id=<a1@example.net>");
  log_sent_content_check("smtp", "4Zk2Qn1", "replace", "header", "Subject: x", "Subject: y");
  CHECK(log.last() == "smtp: 4Zk2Qn1: replace: header Subject: x: Subject: y");
  log_sent_content_check("lmtp", "4Zk2Qn1", "strip", "body", "x", "");
  CHECK(log.last() == "lmtp: 4Zk2Qn1: strip: body x");
  log_pickup("4Zk2Qn1", 1000, "ann");
  CHECK(log.last() == "pickup: 4Zk2Qn1: uid=1000 from=<ann>");
  log_active("4Zk2Qn1", "ann@example.net", 2312, 1);
  CHECK(log.last() == "qmgr: 4Zk2Qn1: from=<ann@example.net>, size=2312, nrcpt=1 (queue active)");
  log_expired("4Zk2Qn1", "ann@example.net", false);
  CHECK(log.last() == "qmgr: 4Zk2Qn1: from=<ann@example.net>, status=expired, returned to sender");
  log_expired("4Zk2Qn1", "", true);
  CHECK(log.last() == "qmgr: 4Zk2Qn1: from=<>, status=force-expired, returned to sender");
  log_removed("4Zk2Qn1");
  CHECK(log.last() == "qmgr: 4Zk2Qn1: removed");
  log_queue_change("4Zk2Qn1", "placed on hold");
  CHECK(log.last() == "postsuper: 4Zk2Qn1: placed on hold");
  log_notification("4Zk2Qn1", "sender", "non-delivery", "4Zk2Qn2");
  CHECK(log.last() == "bounce: 4Zk2Qn1: sender non-delivery notification: 4Zk2Qn2");
}

TEST_CASE("a delivery names recipient, relay, delays, status and reason") {
  LogCapture log;
  LogDelivery delivery;
  delivery.component = "local";
  delivery.queue_id = "4Zk2Qn1";
  delivery.recipient = "bob@example.org";
  delivery.original = "staff@example.org";
  delivery.relay = "local";
  delivery.delays = {Microseconds(100'000), Microseconds(0), Microseconds(0),
                     Microseconds(100'000)};
  delivery.dsn = "2.0.0";
  delivery.status = "sent";
  delivery.reason = "delivered to maildir";
  log_delivery(delivery);
  CHECK(
      log.last() ==
      "local: 4Zk2Qn1: to=<bob@example.org>, orig_to=<staff@example.org>, relay=local, delay=0.2, "
      "delays=0.1/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)");
  delivery.component = "smtp";
  delivery.original = "bob@example.org";
  delivery.relay = "mx.example.net[192.0.2.7]:25";
  delivery.connection_use = 2;
  delivery.status = "deferred";
  delivery.dsn = "4.3.0";
  delivery.reason = "host said: 451\r\nstatus=sent";
  log_delivery(delivery);
  CHECK(log.last() ==
        "smtp: 4Zk2Qn1: to=<bob@example.org>, relay=mx.example.net[192.0.2.7]:25, conn_use=2, "
        "delay=0.2, delays=0.1/0/0/0.1, dsn=4.3.0, status=deferred (host said: "
        "451??status=sent)");
}

TEST_CASE("delays have two significant digits, two behind the point at most") {
  struct Row {
    int microseconds;
    const char* text;
  };
  const Row rows[] = {{0, "0"},           {-5, "0"},           {4'000, "0"},
                      {20'000, "0.02"},   {126'000, "0.13"},   {200'000, "0.2"},
                      {1'000'000, "1"},   {1'540'000, "1.5"},  {9'000'000, "9"},
                      {12'400'000, "12"}, {120'000'000, "120"}};
  for (const Row& row : rows) CHECK(delay_text(Microseconds(row.microseconds)) == row.text);
}

TEST_CASE("the lines of logins are Dovecot's") {
  LogCapture log;
  LogLogin login{"imap", "bob", "PLAIN", "192.0.2.8", "192.0.2.1", true, "s1"};
  log_login(login);
  CHECK(log.last() ==
        "imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, TLS, "
        "session=<s1>");
  LogLogin failed{"pop3", "", "", "192.0.2.8", "192.0.2.1", false, "s2"};
  log_login_ended(failed, "Auth failed (auth failed, 1 attempts in 2 secs)");
  CHECK(log.last() ==
        "pop3-login: Disconnected: Auth failed (auth failed, 1 attempts in 2 secs): user=<>, "
        "rip=192.0.2.8, lip=192.0.2.1, session=<s2>");
  log_logout("imap", "bob", "s1", "Logged out", "in=10 out=300");
  CHECK(log.last() == "imap: user=<bob>, session=<s1>: Disconnected: Logged out in=10 out=300");
}

TEST_CASE("the master says what starts and what dies") {
  LogCapture log;
  log_master("smtpd", "daemon started", "/etc/pennypost");
  CHECK(log.last() == "master: smtpd: daemon started -- version " PENNYPOST_VERSION
                      ", configuration /etc/pennypost");
  log_child_died("imapd", "login", 71, 11);
  CHECK(log.last() == "master: warning: process imapd: login pid 71 killed by signal 11");
  log_child_died("smtpd", "receive", 71, 31);
  CHECK(log.last() ==
        "master: warning: process smtpd: receive pid 71 killed by signal 31 (a system call that it "
        "must not make; the kernel's log names it)");
  log_child_died("imapd", "login", 71, 1 << 8);
  CHECK(log.last() == "master: warning: process imapd: login pid 71 exit status 1");
}

TEST_CASE("what a client sends never makes a second line") {
  LogCapture log;
  log_warning("smtpd", "bad\r\ninput\x7f");
  CHECK(log.last() == "smtpd: warning: bad??input?");
  log_client("1", {"a\nb", "x"}, "P\tQ", std::string(5000, 'u'));
  CHECK(log.last().find('\n') == std::string::npos);
  CHECK(log.last().size() < 1000);
}

TEST_CASE("gathered lines wait for the flush, but not for long, and hold nothing else up") {
  Scratch scratch;
  LogOptions options;
  options.maillog_file = scratch / "log";
  auto has = [&](const std::string& text) {
    return whole_file(options.maillog_file).find(text) != std::string::npos;
  };
  {
    LogCapture restore;
    REQUIRE(open_log(options));
    log_sink().gather(true);
    log_removed("first");
    CHECK_FALSE(has("first"));
    log_sink().flush();
    CHECK(has("first: removed\n"));
    log_removed("second");
    std::thread([] { log_removed("elsewhere"); }).join();
    CHECK(has("elsewhere: removed\n"));
    CHECK_FALSE(has("second"));
    log_warning("qmgr", "third");
    auto lines = whole_file(options.maillog_file);
    CHECK(lines.find("second: removed\n") < lines.find("warning: third\n"));
    CHECK(lines.find("warning: third\n") != std::string::npos);
    std::size_t count = 0;
    while (!has("many: removed") && count < log_gathered_bytes_max) ++count, log_removed("many");
    CHECK(count > 20);
    CHECK(count < log_gathered_bytes_max / 20);
    log_removed("last");
    log_sink().gather(false);
    CHECK(has("last: removed\n"));
    log_removed("later");
    CHECK(has("later: removed\n"));
  }
}

TEST_CASE("with Postfix's name lines about logins have Dovecot's form, and all others Postfix's") {
  Scratch scratch;
  enum class Daemon { Smtp, Mailbox };
  auto line_of = [&](const char* name, Daemon daemon, const char* component) {
    LogOptions options;
    options.syslog_name = name;
    options.maillog_file = scratch / "log";
    std::filesystem::remove(options.maillog_file);
    LogCapture restore;
    REQUIRE(open_log(daemon == Daemon::Mailbox ? in_dovecot_form(options) : options));
    log_warning(component, "text");
    auto line = whole_file(options.maillog_file);
    line.erase(0, line.find(' ', 16) + 1);  // time and host
    auto number = std::to_string(getpid());
    return line.replace(line.find(number), number.size(), "71");
  };
  CHECK(line_of("postfix", Daemon::Smtp, "smtpd") == "postfix/smtpd[71]: warning: text\n");
  CHECK(line_of("postfix", Daemon::Mailbox, "imap-login") ==
        "dovecot[71]: imap-login: warning: text\n");
  CHECK(line_of("postfix-out", Daemon::Smtp, "qmgr") == "postfix-out/qmgr[71]: warning: text\n");
  CHECK(line_of("postfix-out", Daemon::Mailbox, "pop3") == "dovecot[71]: pop3: warning: text\n");
  CHECK(line_of("dovecot", Daemon::Mailbox, "imap") == "dovecot[71]: imap: warning: text\n");
  CHECK(line_of("dovecot", Daemon::Mailbox, "/own/pop3") == "own/pop3[71]: warning: text\n");
  CHECK(line_of("pennypost", Daemon::Mailbox, "imap") == "pennypost/imap[71]: warning: text\n");
  CHECK(line_of("postfixed", Daemon::Mailbox, "imap") == "postfixed/imap[71]: warning: text\n");
}

TEST_CASE("a log of JSON has the parts of each line as fields, and numbers as numbers") {
  Scratch scratch;
  LogOptions options;
  options.maillog_file = scratch / "log";
  options.log_format = "json";
  {
    LogCapture restore;
    REQUIRE(open_log(options));
    LogDelivery delivery;
    delivery.component = "local";
    delivery.process = 4711;
    delivery.queue_id = "4Zk2Qn1";
    delivery.recipient = "bob@example.org";
    delivery.relay = "local";
    delivery.dsn = "2.0.0";
    delivery.status = "sent";
    delivery.reason = "delivered to \"maildir\"";
    log_delivery(delivery);
    LogLogin login;
    login.service = "imap";
    login.user = "bob";
    login.remote = "192.0.2.8";
    login.local = "192.0.2.1";
    login.tls = true;
    login.session = "x";
    log_login(login);
    log_warning("smtpd", "it rains");
  }
  auto lines = whole_file(options.maillog_file);
  auto has = [&](std::string_view part) { return lines.find(part) != std::string::npos; };
  CHECK(lines.starts_with(R"({"time":"2)"));
  CHECK(has(R"("program":"pennypost/local","pid":4711,"severity":"info","queue_id":"4Zk2Qn1",)"
            R"("to":"bob@example.org","relay":"local","delay":0,"delays":"0/0/0/0","dsn":"2.0.0",)"
            R"("status":"sent","reason":"delivered to \"maildir\"","message":"4Zk2Qn1: to=<bob)"));
  CHECK(has(R"("severity":"info","action":"Login","user":"bob","rip":"192.0.2.8",)"
            R"("lip":"192.0.2.1","tls":"TLS","session":"x","message":"Login: user=<bob>, rip=)"));
  CHECK(has(R"("severity":"warning","message":"warning: it rains"})"));
  CHECK(lines.ends_with("}\n"));
}

TEST_CASE("what users do with mail is told with who, where and which message") {
  LogCapture log;
  LogMailEvent event{"imap", "bob", "x", "copy", "INBOX", {}};
  event.fields = {{"box", "Trash"}, {"uid", "7"}, {"msgid", "<a1@example.net>"}};
  log_mail_event(event);
  CHECK(log.last() ==
        "imap: user=<bob>, session=<x>: copy from INBOX: box=Trash, uid=7, msgid=<a1@example.net>");
  log_mailbox_event({"imap", "bob", "x", "Mailbox renamed", {}, {}}, "Old\nbox", "New");
  CHECK(log.last() == "imap: user=<bob>, session=<x>: Mailbox renamed: Old?box -> New");
}

TEST_CASE("a log file is opened anew at its path, and lines bear time, host and tag") {
  Scratch scratch;
  LogOptions options;
  options.syslog_name = "penny";
  options.maillog_file = scratch / "log";
  {
    LogCapture restore;
    REQUIRE(open_log(options));
    log_removed("first");
    std::filesystem::rename(options.maillog_file, options.maillog_file + ".1");
    log_removed("second");
    REQUIRE(log_sink().reopen());
    log_removed("third");
    log_fatal("smtpd", "the end");
    log_connect({"mx.example.net", "192.0.2.7", "/postfix/submission/smtpd"});
    LogDelivery delivery;
    delivery.component = "local";
    delivery.process = 4711;
    log_delivery(delivery);
  }
  auto old_lines = whole_file(options.maillog_file + ".1");
  auto lines = whole_file(options.maillog_file);
  std::string tag = " penny/qmgr[" + std::to_string(getpid()) + "]: ";
  CHECK(old_lines.find(tag + "first: removed\n") > 15);
  CHECK(old_lines.find(tag + "second: removed\n") != std::string::npos);
  CHECK(lines.find(tag + "third: removed\n") != std::string::npos);
  CHECK(lines.find(": fatal: the end\n") != std::string::npos);
  CHECK(lines.find(" penny/local[4711]: ") != std::string::npos);
  CHECK(lines.find(" postfix/submission/smtpd[" + std::to_string(getpid()) +
                   "]: connect from mx.example.net[192.0.2.7]\n") != std::string::npos);
  CHECK(lines.find("first") == std::string::npos);
  CHECK(lines[3] == ' ');
  CHECK(lines[6] == ' ');
  CHECK(lines[9] == ':');
  options.maillog_file = scratch / "absent/log";
  auto failed = open_log(options);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text().find("create its directory") != std::string::npos);
}
