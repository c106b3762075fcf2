#include "smtpd/routing/header_addresses.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const Completion here{*Domain::parse("here.test"), *Domain::parse("parent.test")};

/// The header with every `old` address replaced by a `new.and.longer` one; `asked` gets the
/// addresses looked up.
std::string rewritten(const std::string& header, std::string* asked = nullptr,
                      HeaderAddresses::Limits limits = {}) {
  HeaderAddresses addresses(header, here, limits);
  std::vector<std::string> answers;
  for (const auto& one : addresses.distinct()) {
    if (asked != nullptr) *asked += (one.is_recipient ? " r:" : " s:") + one.text;
    bool is_old = one.text.starts_with("old@");
    answers.push_back(is_old ? "new.and.longer" + one.text.substr(3) : one.text);
  }
  return edited(header, addresses.edits(answers));
}

}  // namespace

TEST_CASE("addresses are replaced alone, and all around them stays octet for octet") {
  CHECK(
      rewritten("From: \"Old, Ann\" <old@a.test>\r\nTo: x@y.test,\r\n\told@b.test (old@c.test)\r\n"
                "Subject: old@a.test\r\n") ==
      "From: \"Old, Ann\" <new.and.longer@a.test>\r\nTo: x@y.test,\r\n\tnew.and.longer@b.test "
      "(old@c.test)\r\nSubject: old@a.test\r\n");
  CHECK(rewritten("Cc: team: old@a.test , \"old\"@b.test;, <@r:old@c.test>\n") ==
        "Cc: team: new.and.longer@a.test , new.and.longer@b.test;, <new.and.longer@c.test>\n");
  CHECK(rewritten("From: old @ a.test, old man\n") == "From: new.and.longer@a.test, old man\n");
}

TEST_CASE("senders and recipients are asked apart, each address once, a bare one at myorigin") {
  std::string asked;
  rewritten(
      "From: a@x.test, A@x.test\nSender: a@x.test\nReply-To: root\nTo: a@x.test\nResent-From: "
      "b@x.test\n"
      "Errors-To: <c@x.test>\nReturn-Receipt-To: d@x.test\nDisposition-Notification-To: e@x.test\n"
      "Resent-Cc: f@x.test\nBcc: root\nX-To: no@x.test\nList-Id: <no@x.test>\nTo: not an address\n",
      &asked);
  CHECK(asked ==
        " s:a@x.test s:A@x.test s:root@here.test r:a@x.test s:b@x.test s:c@x.test s:d@x.test "
        "s:e@x.test r:f@x.test r:root@here.test");
}

TEST_CASE(
    "a domain without a dot is asked for with mydomain, and written as it was where that stays") {
  std::string asked;
  CHECK(rewritten("To: old@lab, b@lab, c@localhost, d@[192.0.2.1], e@lab.\n", &asked) ==
        "To: new.and.longer@lab.parent.test, b@lab, c@localhost, d@[192.0.2.1], e@lab.\n");
  CHECK(asked ==
        " r:old@lab.parent.test r:b@lab.parent.test r:c@localhost r:d@[192.0.2.1] r:e@lab");
}

TEST_CASE("what lies beyond the limits stays") {
  HeaderAddresses::Limits limits;
  limits.fields = 2;
  limits.field_bytes = 40;
  CHECK(rewritten("From: old@a.test\nTo: old@a.test, " + std::string(40, 'x') +
                      "@b.test\nCc: old@a.test\n",
                  nullptr, limits) == "From: new.and.longer@a.test\nTo: old@a.test, " +
                                          std::string(40, 'x') + "@b.test\nCc: old@a.test\n");
  std::string many = "To: ";
  for (std::size_t i = 0; i < rewritten_addresses_max + 5; ++i) {
    many += "a" + std::to_string(i) + "@x.test, ";
  }
  limits.field_bytes = 1 << 20;
  CHECK(HeaderAddresses("To: x@x.test\n" + many, here, limits).distinct().size() <=
        rewritten_addresses_max);
}
