#include "smtpd/inbound/session.h"

#include "common/tls/testing.h"
#include "smtpd/inbound/session_testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("an address that mynetworks excludes with ! is not in it") {
  for (bool is_excluded : {true, false}) {
    std::string last = is_excluded ? "9" : "8";
    Stage stage({"mynetworks=!198.51.100." + last + ", 198.51.100.0/24"});
    CHECK(stage.run(std::string(envelope_commands) + quit_commands) == "");
    CHECK(stage.backend.asked.at(0).is_in_mynetworks != is_excluded);
  }
}

TEST_CASE("a network of mynetworks behind a table is left to those who can ask the table") {
  for (bool is_behind : {true, false}) {
    std::string table = "!cidr:/etc/strangers", network = "198.51.100.0/24";
    Stage stage({"mynetworks=" + (is_behind ? table + ", " + network : network + ", " + table)});
    CHECK(stage.run(std::string(envelope_commands) + quit_commands) == "");
    CHECK(stage.backend.asked.at(0).is_in_mynetworks != is_behind);
  }
}

TEST_CASE("a table that can't be asked is 451") {
  Stage stage;
  stage.backend.is_lookup_down = true;
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S~ 250
    C: RCPT TO:<bob@example.com>
    S: 451 4.3.0 <bob@example.com>: Temporary lookup failure
  )") == "");
  CHECK(logged(stage,
               "smtpd: NOQUEUE: reject: RCPT from client.example[198.51.100.9]: 451 4.3.0 "
               "<bob@example.com>: Temporary lookup failure; from=<ann@client.example> "
               "to=<bob@example.com> proto=ESMTP helo=<client.example>"));
}

TEST_CASE("submission wants TLS and a login before it takes mail") {
  Stage stage({}, Service::Submission);
  stage.has_auth = true;
  CHECK(stage.run(R"(
    S~ 220
    C: MAIL FROM:<bob@example.com>
    S: 503 5.5.1 Error: send HELO/EHLO first
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<bob@example.com>
    S~ 530 5.7.0
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 538 5.7.11 Encryption required for requested authentication mechanism
  )") == "");
  CHECK(stage.auth.steps.empty());
}

TEST_CASE("a client that leaves in the middle of AUTH leaves nothing behind in the auth process") {
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
  )") == "");
  CHECK(stage.auth.aborted == 1);
}

TEST_CASE("Received names the login only with smtpd_sasl_authenticated_header") {
  for (bool is_shown : {false, true}) {
    Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no",
                 std::string("smtpd_sasl_authenticated_header=") + (is_shown ? "yes" : "no")});
    CHECK(stage.run(R"(
      S~ 220
      C: EHLO client.example
      S* 250
      C: AUTH PLAIN AGJvYgBzZWNyZXQ=
      S* 235
      C: MAIL FROM:<bob@example.com>
      S: 250 2.1.0 Ok
      C: RCPT TO:<x@else.example>
      S: 250 2.1.5 Ok
      C: DATA
      S* 354
      C: .
      S* 250
    )") == "");
    auto content = stage.backend.content();
    CHECK((content.find("(Authenticated sender: bob)") != content.npos) == is_shown);
  }
}

TEST_CASE("a login opens the way out, a failed one does not") {
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  CHECK(stage.run(R"(
    S~ 220
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: send EHLO first
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-AUTH PLAIN LOGIN SCRAM-SHA-256
    S* 250
    C: AUTH PLAIN AGJvYgB3cm9uZw==
    S: 535 5.7.8 Error: authentication failed
    C: MAIL FROM:<bob@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: MAIL transaction in progress
    C: RSET
    S~ 250
    C: AUTH FOO
    S: 504 5.5.4 Unrecognized authentication type
    C: AUTH PLAIN !!!
    S: 501 5.5.2 Error: the response is not base64
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: *
    S: 501 5.7.0 Authentication aborted
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: Ym9i
    S: 334 UGFzc3dvcmQ6
    C: c2VjcmV0
    S: 235 2.7.0 Authentication successful
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: already authenticated
    C: MAIL FROM:<bob@example.com> AUTH=<>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: .
    S~ 250 2.0.0 Ok: queued
  )") == "");
  const Envelope& sent = stage.backend.messages.at(0).envelope;
  CHECK(sent.protocol == "ESMTPA");
  CHECK(sent.sasl_username == "bob");
  CHECK(sent.sasl_method == "LOGIN");
  CHECK(logged(stage,
               "smtpd: warning: client.example[198.51.100.9]: SASL PLAIN authentication failed: "
               "wrong password, sasl_username=bob"));
  CHECK(logged(stage,
               "smtpd: QUEUEID: client=client.example[198.51.100.9], sasl_method=LOGIN, "
               "sasl_username=bob"));
}

TEST_CASE("passwords in the clear are not offered to strangers") {
  Stage stage({"smtpd_sasl_auth_enable=yes"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 538 5.7.11 Encryption required for requested authentication mechanism
    C: AUTH LOGIN
    S: 538 5.7.11 Encryption required for requested authentication mechanism
  )") == "");
  CHECK(stage.auth.steps.empty());
}

TEST_CASE("STARTTLS forgets what was said and drops what was sent ahead") {
  TestCertificate certificate;
  Stage stage({"smtpd_forbid_unauth_pipelining=no", "smtpd_tls_loglevel=1",
               "smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-STARTTLS
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C> STARTTLS\r\nMAIL FROM:<injected@client.example>\r\nRCPT TO:<bob@example.com>\r\n
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: RCPT TO:<bob@example.com>
    S: 503 5.5.1 Error: need MAIL command
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S* 250
    C: STARTTLS
    S: 554 5.5.1 Error: TLS already active
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: .
    S~ 250 2.0.0 Ok: queued
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(stage.backend.messages.at(0).envelope.protocol == "ESMTPS");
  auto content = stage.backend.content();
  CHECK(content.find("using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)") !=
        std::string::npos);
  CHECK(logged(stage,
               "smtpd: improper command pipelining after STARTTLS from "
               "client.example[198.51.100.9]"));
}

TEST_CASE("REQUIRETLS is offered and taken behind TLS alone, and stays with the message") {
  TestCertificate certificate;
  Stage stage({"smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example> REQUIRETLS
    S: 555 5.5.4 Unsupported option: REQUIRETLS without TLS
    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-REQUIRETLS
    S* 250
    C: MAIL FROM:<ann@client.example> REQUIRETLS
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: TLS-Required: No
    C:
    C: .
    S~ 250 2.0.0 Ok: queued
    C: QUIT
    S~ 221
    S!
  )") == "");
  const auto& taken = stage.backend.messages.at(0).envelope;
  CHECK(taken.requires_tls);
  CHECK_FALSE(taken.forgoes_tls());
  CHECK(stage.backend.content_as_sent().starts_with("Require-TLS-ESMTP: yes\nTLS-Required: No\n"));
}

TEST_CASE("what a header says of TLS counts as the settings say") {
  const std::string begin =
      "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<a@client.example>\nS~ 250\n"
      "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: ";
  const std::string end = "\nC:\nC: x\nC: .\nS~ 250\nC: QUIT\nS~ 221\n";
  struct Row {
    const char* field;
    const char* setting;
    bool requires_tls;
    bool forgoes_tls;
  };
  for (const Row& row :
       {Row{"TLS-Required: no", "tls_required_enable=yes", false, true},
        Row{"tls-required:  NO", "tls_required_enable=yes", false, true},
        Row{"TLS-Required: yes", "tls_required_enable=yes", false, false},
        Row{"TLS-Required: no", "tls_required_enable=no", false, false},
        Row{"Require-TLS-ESMTP: yes", "requiretls_esmtp_header=yes", true, false},
        Row{"Require-TLS-ESMTP: no", "requiretls_esmtp_header=yes", false, false},
        Row{"Require-TLS-ESMTP: yes", "requiretls_esmtp_header=no", false, false},
        Row{"Require-TLS-ESMTP: yes", "requiretls_enable=no", false, false},
        Row{"Require-TLS-ESMTP: yes\nC: TLS-Required: no", "requiretls_enable=yes", true, false}}) {
    CAPTURE(row.field);
    CAPTURE(row.setting);
    Stage stage({row.setting});
    CHECK(stage.run(begin + row.field + end) == "");
    const auto& taken = stage.backend.messages.at(0).envelope;
    CHECK(taken.requires_tls == row.requires_tls);
    CHECK(taken.forgoes_tls() == row.forgoes_tls);
  }
}

TEST_CASE("behind STARTTLS neither the name of HELO nor a login counts any more") {
  TestCertificate certificate;
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no", "smtpd_helo_required=yes",
               "smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 235 2.7.0 Authentication successful
    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: MAIL FROM:<ann@client.example>
    S: 503 5.5.1 Error: send HELO/EHLO first
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
}

TEST_CASE("where TLS is required nothing goes without it") {
  TestCertificate certificate;
  Stage stage({"smtpd_tls_security_level=encrypt", "smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 530 5.7.0 Must issue a STARTTLS command first
    C: VRFY bob
    S: 530 5.7.0 Must issue a STARTTLS command first
    C: NOOP
    S: 250 2.0.0 Ok
    C: STARTTLS
    S~ 220
    TLS
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
  )") == "");
}

TEST_CASE("SCRAM is not offered, nor taken, where it serves not all") {
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  stage.auth.serves_scram = false;
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-AUTH PLAIN LOGIN
    S* 250
    C: AUTH SCRAM-SHA-256
    S: 504 5.5.4 Unrecognized authentication type
  )") == "");
  CHECK(stage.auth.steps.empty());
  // A setting's words may be written in any case.
  Stage secret({"smtpd_sasl_auth_enable=yes", "smtpd_sasl_security_options=NoPlainText"});
  secret.auth.serves_scram = false;
  CHECK(secret.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
  )") == "");
}

TEST_CASE("submissions speaks TLS from the first byte, and takes mail after a login") {
  TestCertificate certificate;
  Stage stage({}, Service::Submissions);
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    TLS
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-AUTH PLAIN LOGIN SCRAM-SHA-256
    S* 250
    C: MAIL FROM:<bob@example.com>
    S: 530 5.7.0 Authentication required
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<bob@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: Subject: x
    C: .
    S~ 250 2.0.0 Ok: queued
  )") == "");
  CHECK(stage.backend.messages.at(0).envelope.protocol == "ESMTPSA");
  CHECK(stage.backend.content_as_sent().find("From: bob@example.com") != std::string::npos);
}

TEST_CASE("plain text where TLS is expected ends the session without harm") {
  TestCertificate certificate;
  Stage stage({}, Service::Submissions);
  stage.tls = certificate.server();
  CHECK(stage.run("C: EHLO client.example\n") == "");
  CHECK(stage.backend.messages.empty());
}
