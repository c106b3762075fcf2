#include "store/filtering/spam_verdict.h"

#include <doctest/doctest.h>

using namespace pennypost::store;

namespace {

std::string percent(const SpamRules& rules, std::string_view header) {
  auto found = spam_percent(rules, header);
  return found ? std::to_string(*found) : "unknown";
}

}  // namespace

TEST_CASE("a filter's score becomes percent of what counts as spam for certain") {
  SpamRules rspamd;
  rspamd.status_header = "X-Spamd-Result: default: [[:alpha:]]+ \\[(-?[0-9.]+) / [0-9.]+\\]";
  rspamd.max_header = "X-Spamd-Result: / ([0-9.]+)\\]";
  auto result = [](const std::string& score) {
    return "X-Spamd-Result: default: False [" + score + " / 15.00];\n\tBAYES(0.1)\nTo: a@b\n\n";
  };
  CHECK(percent(rspamd, result("7.50")) == "50");
  CHECK(percent(rspamd, result("-3.20")) == "0");
  CHECK(percent(rspamd, result("99.00")) == "100");
  CHECK(percent(rspamd, "To: a@b\n\n") == "unknown");

  SpamRules assassin;
  assassin.status_header = "X-Spam-Level";
  assassin.counts_characters = true;
  assassin.max_value = "5";
  CHECK(percent(assassin, "X-Spam-Level: ***\n\n") == "60");
  CHECK(percent(assassin, "X-Spam-Level: ************\n\n") == "100");
  CHECK(percent(SpamRules(), "X-Spam-Level: ***\n\n") == "unknown");
}

TEST_CASE("what is wrong with the settings of spamtest is told") {
  SpamRules rules;
  CHECK(check_spam_rules(rules));
  rules.status_header = "X-Spam-Score: ([0-9";
  CHECK_FALSE(check_spam_rules(rules));
  rules.status_header = "X Spam";
  CHECK_FALSE(check_spam_rules(rules));
  rules.status_header = "X-Spam-Score";
  rules.max_value = "many";
  CHECK_FALSE(check_spam_rules(rules));
}
