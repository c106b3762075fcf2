#include "smtpd/commands/text_diff.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

TEST_CASE("a diff shows what goes and what comes, and nothing that stays") {
  CHECK(text_diff("a\nb\nc\n", "a\nb\nc\n").empty());
  CHECK(text_diff("", "a\nb\n") == "+ a\n+ b\n");
  CHECK(text_diff("a\nb\n", "") == "- a\n- b\n");
  CHECK(text_diff("a\nb\nc\n", "a\nB\nc\n") == "- b\n+ B\n");
  CHECK(text_diff("a\nb\nc\nd\n", "b\nx\nd\ne\n") == "- a\n- c\n+ x\n+ e\n");
  CHECK(text_diff("a\n", "a\n\n") == "+ \n");
}

TEST_CASE("of a text that is too long to compare all lines are shown, once") {
  std::string before;
  std::string after;
  for (std::size_t i = 0; i <= diff_lines_max; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  auto diff = text_diff(before, after);
  CHECK(diff.starts_with("- a0\n- a1\n"));
  CHECK(diff.ends_with("+ b" + std::to_string(diff_lines_max) + "\n"));
}
