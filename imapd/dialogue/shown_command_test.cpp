#include "imapd/dialogue/shown_command.h"

#include <doctest/doctest.h>

using pennypost::imap::shown_command;

TEST_CASE("who watches sees a command, but no password and nothing that may be one") {
  CHECK(shown_command("a1 SELECT INBOX") == "a1 SELECT INBOX");
  CHECK(shown_command("a1 login ann secret") == "a1 LOGIN (not shown)");
  CHECK(shown_command("a1 LOGIN {3}\r\nann {6}\r\nsecret") == "a1 LOGIN (not shown)");
  CHECK(shown_command("a1 AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=") == "a1 AUTHENTICATE (not shown)");
  CHECK(shown_command("a1 LOGON ann secret") == "(an unknown command, not shown)");
  CHECK(shown_command("AGFubgBzZWNyZXQ=") == "(an unknown command, not shown)");
  CHECK(shown_command("") == "(an unknown command, not shown)");
}
