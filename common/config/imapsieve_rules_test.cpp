#include "common/config/imapsieve_rules.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("imapsieve_scripts names mailboxes, causes and scripts") {
  auto rules = parse_imapsieve_rules({"Junk:copy", "append=/a.sieve", "*=/b.sieve",
                                      "In:box:FLAG=/c", "a:b=/d", "=/e", "Work=relative"});
  REQUIRE(rules.size() == 4);
  CHECK(rules[0].mailbox == "Junk");
  CHECK(rules[0].causes == std::vector{ImapCause::Copy, ImapCause::Append});
  CHECK(rules[0].script == "/a.sieve");
  CHECK(rules[1].causes.empty());
  CHECK(rules[1].is_for("INBOX", ImapCause::Flag));
  CHECK(rules[2].mailbox == "In:box");
  CHECK_FALSE(rules[2].is_for("INBOX", ImapCause::Flag));
  CHECK(rules[3].mailbox == "a:b");
  CHECK(rules[1].is_for("inbox", ImapCause::Flag));
  CHECK_FALSE(rules[0].is_for("junk", ImapCause::Copy));
  CHECK(name_of(ImapCause::Append) == "APPEND");
}

TEST_CASE("what names no script for a mailbox is told with what would be right") {
  for (const char* wrong : {"=/e", "Work=relative", "Junk:copy", "Junk"}) {
    CAPTURE(wrong);
    auto problem = imapsieve_rules_problem({"*=/b.sieve", wrong});
    CHECK(problem.starts_with("\"" + std::string(wrong) + "\" names no script for a mailbox; "));
  }
  CHECK(imapsieve_rules_problem({"Junk:copy", "append=/a.sieve", "a:b=/d"}) == "");
  CHECK(imapsieve_rules_problem({}) == "");
}
