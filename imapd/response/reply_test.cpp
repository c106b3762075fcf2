#include "imapd/response/reply.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::imap;

TEST_CASE("an error is BAD, or NO with the code of its cause, and a temporary one says so") {
  CHECK(Reply(Error(501, "Expected a number")).line("a") == "a BAD Expected a number\r\n");
  CHECK(Reply(Error(550, "Too big")).line("a") == "a NO Too big\r\n");
  CHECK(Reply(Error(550, ResponseCode::NoPerm, "Not yours")).line("a") ==
        "a NO [NOPERM] Not yours\r\n");
  // What may pass is told in other words, and the log has the cause.
  Reply later(Error::temporary("can't read /var/mail/ann"));
  CHECK(later.line("a") == "a NO [UNAVAILABLE] That can't be done now; try again later.\r\n");
  CHECK(later.log_text() == "can't read /var/mail/ann");
  CHECK(Reply(Error(451, ResponseCode::InUse, "locked")).line("a") ==
        "a NO [INUSE] Another program is using it; try again later.\r\n");
}
