#include "smtpd/delivery/local.h"

#include <doctest/doctest.h>

#include <csignal>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// What a command of this recipient sees of its address.
std::string parts_of(const std::string& address, const std::string& delimiters) {
  signal(SIGPIPE, SIG_IGN);  // as in every daemon
  auto config = config_for_test({"recipient_delimiter=" + delimiters, "queue_directory=/"});
  Attempt attempt;
  attempt.route.transport = Transport::Pipe;
  Recipient recipient;
  recipient.kind = RecipientKind::Command;
  recipient.address = "|echo $LOCAL,$EXTENSION,$DOMAIN";
  recipient.original = address;
  store::KeepInInbox everything;
  auto reason = deliver_locally(*config, attempt, recipient, -1, everything).reason;
  return reason.substr(reason.rfind(' ') + 1);
}

}  // namespace

TEST_CASE("a command gets its recipient's extension as tables of addresses see it") {
  CHECK(parts_of("ann@example.org", "+") == "ann,,example.org");
  CHECK(parts_of("ann+x+y@example.org", "+") == "ann,x+y,example.org");
  CHECK(parts_of("ann-x@example.org", "+-") == "ann,x,example.org");
  CHECK(parts_of("ann+x@example.org", "") == "ann+x,,example.org");
  // Postfix's: owner-NAME, NAME-request and the mail system's own names are whole.
  CHECK(parts_of("owner-list@example.org", "-") == "owner-list,,example.org");
  CHECK(parts_of("list-request@example.org", "-") == "list-request,,example.org");
}
