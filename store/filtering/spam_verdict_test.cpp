#include "store/filtering/spam_verdict.h"

#include <doctest/doctest.h>

using namespace pennypost::store;

namespace {

std::string percent(const VerdictRules& rules, std::string_view header) {
  auto found = spam_percent(rules, header);
  return found ? std::to_string(*found) : "unknown";
}

}  // namespace

TEST_CASE("a filter's score becomes percent of what counts as spam for certain") {
  VerdictRules rspamd;
  rspamd.status_header = "X-Spamd-Result: default: [[:alpha:]]+ \\[(-?[0-9.]+) / [0-9.]+\\]";
  rspamd.max_header = "X-Spamd-Result: / ([0-9.]+)\\]";
  auto result = [](const std::string& score) {
    return "X-Spamd-Result: default: False [" + score + " / 15.00];\n\tBAYES(0.1)\nTo: a@b\n\n";
  };
  CHECK(percent(rspamd, result("7.50")) == "50");
  CHECK(percent(rspamd, result("-3.20")) == "0");
  CHECK(percent(rspamd, result("99.00")) == "100");
  CHECK(percent(rspamd, "To: a@b\n\n") == "unknown");

  VerdictRules assassin;
  assassin.status_header = "X-Spam-Level";
  assassin.counts_characters = true;
  assassin.max_value = "5";
  CHECK(percent(assassin, "X-Spam-Level: ***\n\n") == "60");
  CHECK(percent(assassin, "X-Spam-Level: ************\n\n") == "100");
  CHECK(percent(VerdictRules(), "X-Spam-Level: ***\n\n") == "unknown");
}

TEST_CASE("a scanner's word becomes 1 for no virus to 5 for a virus for certain") {
  auto level = [](const VerdictRules& rules, std::string_view header) {
    auto found = virus_level(rules, header);
    return found ? std::to_string(*found) : "unknown";
  };
  VerdictRules words;
  words.status_header = "X-Virus-Scan: Found to be (.+)\\.";
  words.is_text = true;
  words.text_values = {"1=clean", "3=suspicious", "5=infected"};
  CHECK(level(words, "X-Virus-Scan: Found to be clean.\n\n") == "1");
  CHECK(level(words, "X-Virus-Scan: Found to be suspicious.\n\n") == "3");
  CHECK(level(words, "X-Virus-Scan: Found to be infected.\n\n") == "5");
  CHECK(level(words, "X-Virus-Scan: Found to be asleep.\n\n") == "unknown");
  CHECK(level(words, "To: a@b\n\n") == "unknown");

  VerdictRules score;
  score.status_header = "X-Virus";
  score.max_value = "10";
  CHECK(level(score, "X-Virus: 0\n\n") == "1");
  CHECK(level(score, "X-Virus: 5\n\n") == "3");
  CHECK(level(score, "X-Virus: 9.9\n\n") == "4");
  CHECK(level(score, "X-Virus: 40\n\n") == "5");
  CHECK(level(VerdictRules(), "X-Virus: 5\n\n") == "unknown");
}

TEST_CASE("what is wrong with the settings of spamtest is told") {
  VerdictRules rules;
  CHECK(check_verdict_rules(rules));
  rules.status_header = "X-Spam-Score: ([0-9";
  CHECK_FALSE(check_verdict_rules(rules));
  rules.status_header = "X Spam";
  CHECK_FALSE(check_verdict_rules(rules));
  rules.status_header = "X-Spam-Score";
  rules.max_value = "many";
  CHECK_FALSE(check_verdict_rules(rules));
  rules.max_value = "5";
  rules.text_values = {"6=worse"};
  CHECK_FALSE(check_verdict_rules(rules));
  rules.text_values = {"infected"};
  CHECK_FALSE(check_verdict_rules(rules));
}
