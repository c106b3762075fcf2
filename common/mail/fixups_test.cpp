#include "common/mail/fixups.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

namespace {

ReceivedTrace from_network() {
  ReceivedTrace trace;
  trace.helo = "mx.example.net";
  trace.client_name = "mx.example.net";
  trace.client_address = "192.0.2.7";
  trace.by = "mail.example.org";
  trace.queue_id = "4Zk2Qn1";
  trace.date = {1'700'000'000, 0};
  return trace;
}

Submission plain() {
  Submission submission;
  submission.sender = *MailAddress::parse("ann");
  submission.completion.myorigin = *Domain::parse("example.org");
  submission.myhostname = "mail.example.org";
  submission.unique = "20231114.4Zk2Qn1";
  submission.date = {1'700'000'000, 60};
  submission.line_end = "\n";
  return submission;
}

std::string fixed(std::string_view message, const Submission& submission) {
  return edited(message, submission_edits(message, submission));
}

}  // namespace

TEST_CASE("Received tells the client, the protocol, the queue id and a single recipient") {
  auto trace = from_network();
  CHECK(received_field(trace) ==
        "Received: from mx.example.net (mx.example.net [192.0.2.7])\r\n"
        "\tby mail.example.org (Pennypost) with ESMTP id 4Zk2Qn1;\r\n"
        "\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
  trace.protocol.tls = true;
  trace.protocol.authenticated = true;
  trace.tls = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)";
  trace.authenticated = "ann(\\@example.org";
  trace.recipient = "bob@example.org";
  trace.client_address = "2001:db8::1";
  trace.client_name.clear();
  CHECK(received_field(trace, "\n") ==
        "Received: from mx.example.net (unknown [IPv6:2001:db8::1])\n"
        "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n"
        "\t(Authenticated sender: ann??@example.org)\n"
        "\tby mail.example.org (Pennypost) with ESMTPSA id 4Zk2Qn1\n"
        "\tfor <bob@example.org>; Tue, 14 Nov 2023 22:13:20 +0000\n");
}

TEST_CASE("Received of a local program tells its user") {
  ReceivedTrace trace;
  trace.userid = "1000";
  trace.by = "mail.example.org";
  trace.queue_id = "4Zk2Qn1";
  trace.date = {1'700'000'000, 0};
  CHECK(received_field(trace, "\n") ==
        "Received: by mail.example.org (Pennypost, from userid 1000)\n"
        "\tid 4Zk2Qn1;\n\tTue, 14 Nov 2023 22:13:20 +0000\n");
}

TEST_CASE("a hostile HELO cannot write its own Received") {
  auto trace = from_network();
  trace.helo = "x) (y\r\nX-Evil: 1";
  CHECK(received_field(trace).find("X-Evil: 1\r\n") == std::string::npos);
  CHECK(received_field(trace).starts_with("Received: from x???y??X-Evil:?1 (mx"));
}

TEST_CASE("the protocol's name says what was used") {
  CHECK(ReceivedProtocol{false, false, false, false}.text() == "SMTP");
  CHECK(ReceivedProtocol{true, false, true, false}.text() == "ESMTPA");
  CHECK(ReceivedProtocol{true, true, true, true}.text() == "UTF8SMTPSA");
}

TEST_CASE("a submitted message gets what it lacks, and nothing else") {
  CHECK(fixed("Subject: x\n\nbody\n", plain()) ==
        "Message-ID: <20231114.4Zk2Qn1@mail.example.org>\n"
        "Date: Tue, 14 Nov 2023 23:13:20 +0100\n"
        "From: ann@example.org\n"
        "Subject: x\n\nbody\n");
  std::string whole = "From: a@b.example\nDate: x\nMessage-Id: <y>\n\nTo: bare\n";
  CHECK(fixed(whole, plain()) == whole);
}

TEST_CASE("a message that shows no recipient gets the field for that, if there is one") {
  auto with = plain();
  with.no_recipients = "To: undisclosed-recipients:;";
  std::string rest = "From: a@b.example\nDate: x\nMessage-Id: <y>\n";
  CHECK(fixed(rest + "Bcc: c@d\n\n", with) ==
        "To: undisclosed-recipients:;\n" + rest + "Bcc: c@d\n\n");
  for (const char* shown : {"To: c@d\n\n", "cc: c@d\n\n"})
    CHECK(fixed(rest + shown, with) == rest + shown);
  std::string resent =
      "Resent-From: a@b\nResent-Date: x\nResent-Message-ID: <z>\nResent-Cc: c@d\n\n";
  CHECK(fixed(rest + resent, with) == rest + resent);
}

TEST_CASE("a resent message gets the Resent- fields") {
  auto out = fixed("From: a@b\nDate: x\nMessage-ID: <y>\nResent-To: c@d\n\n", plain());
  CHECK(out.starts_with("Resent-Message-ID: <2023"));
  CHECK(out.find("\nResent-From: ann@example.org\n") != std::string::npos);
  CHECK(out.find("\nResent-Date: Tue") != std::string::npos);
}

TEST_CASE("bare addresses are completed in address fields only") {
  CHECK(
      fixed("From: Ann <ann>\nDate: x\nMessage-ID: <y>\nTo: bob, c@d,\n eve (x)\nSubject: bob\n\n",
            plain()) ==
      "From: Ann <ann@example.org>\nDate: x\nMessage-ID: <y>\n"
      "To: bob@example.org, c@d,\n eve@example.org (x)\nSubject: bob\n\n");
}

TEST_CASE("a domain without a dot is completed in address fields, if mydomain is to complete it") {
  const std::string header =
      "From: Ann <ann@lab>\nDate: x\nMessage-ID: <y@lab>\nTo: bob @ lab (at lab), c@d.test,\n"
      " team: <@r:eve@lab>, x;, y@localhost, z@[192.0.2.1], v@lab., a@b@lab\nSubject: b@lab\n\n";
  auto submission = plain();
  submission.completion.myorigin.reset();
  CHECK(fixed(header, submission) == header);
  submission.completion.mydomain = *Domain::parse("example.org");
  CHECK(fixed(header, submission) ==
        "From: Ann <ann@lab.example.org>\nDate: x\nMessage-ID: <y@lab>\n"
        "To: bob @ lab.example.org (at lab), c@d.test,\n"
        " team: <@r:eve@lab.example.org>, x;, y@localhost, z@[192.0.2.1], v@lab., a@b@lab\n"
        "Subject: b@lab\n\n");
  submission.sender = *MailAddress::parse("ann@lab");
  CHECK(
      fixed("Date: x\nMessage-ID: <y>\n\n", submission).starts_with("From: ann@lab.example.org\n"));
}

TEST_CASE("a header names its recipients, a resent one those it was resent to") {
  auto listed = [](std::string_view header) {
    auto found = recipients_in_header(header);
    std::string out;
    for (const auto& one : found.addresses) out += one.text() + " ";
    for (const auto& one : found.refused) out += "!" + one;
    return out;
  };
  CHECK(listed("To: Ann <a@x>, b\nCC: team: c@x, a@X;\nBcc: d@x\nSubject: e@x\n\nTo: f@x\n") ==
        "a@x b c@x d@x ");
  CHECK(listed("To: a@x\nResent-To: b@x\nResent-From: c@x\nResent-Bcc: d@x\n\n") == "b@x d@x ");
  CHECK(listed("To: a@b@c, d@x\n") == "d@x !a@b@c");
  CHECK(listed("To: undisclosed-recipients:;\n") == "");
  CHECK(listed("To: <>\nBcc: b\n") == "b ");
  CHECK(listed("To: ann bob@x,\n eve\n") == "ann bob@x eve ");
  CHECK(listed("To: x@, 'y@z', d@x\n") == "d@x !x@!'y@z'");
}

TEST_CASE("a full name becomes a phrase") {
  struct Row {
    const char* name;
    const char* phrase;
  };
  const Row rows[] = {
      {"Ann Smith", "Ann Smith"},
      {"Smith, Ann", "\"Smith, Ann\""},
      {"A \"B\" C", "\"A \\\"B\\\" C\""},
      {"J\xc3\xb6rg", "=?utf-8?Q?J=C3=B6rg?="},
      {"a\nb", "a?b"},
  };
  for (const auto& row : rows) CHECK(phrase(row.name) == row.phrase);
}
