#include "imapd/command/folder_changes.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::imap;
using store::MailboxName;

namespace {

MailboxName name(const char* text) { return *MailboxName::parse(text, '.'); }

FolderStates states(const std::vector<const char*>& names) {
  FolderStates out;
  for (const char* one : names) {
    out[name(one)].exists = true;
    out[name(one)].is_selectable = true;
  }
  return out;
}

}  // namespace

TEST_CASE("a mailbox that comes or goes changes its name and that of its parent") {
  auto before = states({"INBOX", "a", "b"});
  auto after = states({"INBOX", "a", "a.x"});
  after[name("a")].is_subscribed = true;
  auto changes = folder_changes(before, after, '.');
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].name.text() == "a");
  CHECK(changes[0].is_name);
  CHECK(changes[0].is_subscription);
  CHECK(changes[1].name.text() == "a.x");
  CHECK_FALSE(changes[1].is_subscription);
  CHECK(changes[2].name.text() == "b");
  CHECK(folder_line(after, name("b"), '.') == "* LIST (\\NonExistent \\HasNoChildren) \".\" b\r\n");
  CHECK(folder_line(after, name("a"), '.') == "* LIST (\\HasNoChildren \\Subscribed) \".\" a\r\n");
}

TEST_CASE("a mailbox takes those below it to its new name, but not its subscription") {
  auto before = states({"INBOX", "a", "a.x", "ab"});
  before[name("a.x")].is_subscribed = true;
  rename_states(before, name("a"), name("c"), '.');
  auto after = states({"INBOX", "ab", "c", "c.x"});
  after[name("a.x")].is_subscribed = true;
  CHECK(folder_changes(before, after, '.').empty());
  CHECK(folder_line(after, name("c"), '.', "a") ==
        "* LIST (\\HasNoChildren) \".\" c (\"OLDNAME\" (a))\r\n");
}

TEST_CASE("a mailbox may get a name that is only subscribed to") {
  auto before = states({"INBOX", "a"});
  before[name("c")].is_subscribed = true;
  rename_states(before, name("a"), name("c"), '.');
  auto after = states({"INBOX", "c"});
  after[name("c")].is_subscribed = true;
  CHECK(folder_changes(before, after, '.').empty());
}
