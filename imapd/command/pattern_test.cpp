#include "imapd/command/pattern.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("patterns match as the RFC says") {
  struct Row {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const Row rows[] = {
      {"*", "a.b.c", true},
      {"*", "", true},
      {"%", "a", true},
      {"%", "a.b", false},
      {"a.%", "a.b", true},
      {"a.%", "a.b.c", false},
      {"a.%", "a", false},
      {"a*", "a.b.c", true},
      {"%.%", "a.b", true},
      {"%.%", "a.b.c", false},
      {"*c", "a.b.c", true},
      {"*b%", "a.b.c", false},
      {"*b%", "a.b.bc", true},
      {"%b", "ab", true},
      {"%b.c", "bb.c", true},
      {"*%", "a.b", true},
      {"%*", "a.b", true},
      {"inbox", "INBOX", true},
      {"Inbox.x", "INBOX.x", true},
      {"inbox%", "INBOX", true},
      {"in*", "INBOX", true},
      {"*box", "INBOX", true},
      {"%box.x", "INBOX.x", true},
      {"INBOX.X", "INBOX.x", false},
      {"inboxes", "INBOXes", false},
      {"INBOX", "inbox", false},
      {"a.*.d", "a.b.c.d", true},
      {"a.*.d", "a.d", false},
      {"", "", true},
      {"", "a", false},
      {"A", "a", false},
      {"*a%b*", "xa.ab.c", true},
      {"%a%", "xay", true},
      {"%a%", "x.a", false},
      {"*.%x", "a.b.cx", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.name);
    CHECK(ListPattern("", row.pattern, '.').matches(row.name) == row.matches);
  }
  CHECK(ListPattern("a.", "%", '.').matches("a.b"));
  CHECK(ListPattern("INBOX/", "%", '/').matches("INBOX/b"));
}

TEST_CASE("a pattern of many wildcards is matched in a short time") {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "*a";
  CHECK_FALSE(ListPattern("", pattern + "b", '.').matches(std::string(4000, 'a')));
  pattern.clear();
  for (int i = 0; i < 2000; ++i) pattern += "%a";
  CHECK_FALSE(ListPattern("", "*" + pattern + "b", '.').matches(std::string(1000, 'a')));
}

TEST_CASE("parents() gives the names above a name, the top one first") {
  CHECK(parents("a.b.c", '.') == std::vector<std::string>{"a", "a.b"});
  CHECK(parents("a", '.').empty());
}
