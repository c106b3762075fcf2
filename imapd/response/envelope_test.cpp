#include "imapd/response/envelope.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("an envelope shows the header's ten fields") {
  // RFC 9051 section 8: the sample connection's message.
  CHECK(
      envelope("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
               "From: Terry Gray <gray@cac.washington.edu>\r\n"
               "Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
               "To: imap@cac.washington.edu\r\n"
               "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
               "Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\nbody\r\n") ==
      "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
      "((NIL NIL \"imap\" \"cac.washington.edu\")) "
      "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
      "NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
}

TEST_CASE("an envelope of nothing is ten times NIL") {
  CHECK(envelope("") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(envelope("Subject:\n\n") == "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST_CASE(
    "a missing part of an address gets a placeholder, since it must be neither NIL nor empty") {
  // NIL would mean a group (RFC 9051 section 7.5.2). An empty string keeps to the grammar, but a
  // client that puts the two together again writes to "joe@" or "@example.org". The words are those
  // of the server that we replace: what clients have kept of its envelopes stays the same.
  CHECK(envelope("From: <>\nTo: joe@\nCc: <@example.org>\nBcc: Joe <joe>\n") ==
        "(NIL NIL ((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "((NIL NIL \"joe\" \"MISSING_DOMAIN\")) "
        "((NIL NIL \"MISSING_MAILBOX\" \"example.org\")) "
        "((\"Joe\" NIL \"joe\" \"MISSING_DOMAIN\")) NIL NIL)");
}

TEST_CASE("folds, quotes, 8-bit text, groups and bare words leave the syntax intact") {
  CHECK(envelope(
            "Subject: a \"b\"\n \\c\nFrom: f\xc3\xbc\xc3\x9f <a@b>\nTo: group: x@y;\nCc: bare\n") ==
        "(NIL \"a \\\"b\\\" \\\\c\" (({5}\r\nf\xc3\xbc\xc3\x9f NIL \"a\" \"b\")) "
        "(({5}\r\nf\xc3\xbc\xc3\x9f NIL \"a\" \"b\")) (({5}\r\nf\xc3\xbc\xc3\x9f NIL \"a\" \"b\")) "
        "((NIL NIL \"group\" NIL)(NIL NIL \"x\" \"y\")(NIL NIL NIL NIL)) "
        "((NIL NIL \"bare\" \"MISSING_DOMAIN\")) NIL NIL NIL)");
}

TEST_CASE("words without an address are a name, and words behind an address are dropped") {
  CHECK(envelope("From: Someone Else\nTo: a@b c@d, \"Some, One\"\n") ==
        "(NIL NIL ((\"Someone Else\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "((\"Someone Else\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "((\"Someone Else\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "((NIL NIL \"a\" \"b\")(\"Some, One\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
        "NIL NIL NIL NIL)");
}
