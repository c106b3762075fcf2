#include "smtpd/queue/verp.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

TEST_CASE("a variable return path names the recipient between the sender's name and its domain") {
  CHECK(verp_sender("list@example.org", "+=", "bob@example.net") ==
        "list+bob=example.net@example.org");
  CHECK(verp_sender("list@example.org", "-=", "bob") == "list-bob@example.org");
  CHECK(verp_sender("", "+=", "bob@example.net").empty());
  CHECK(verp_sender("list", "+=", "bob@example.net") == "list+bob=example.net");
  CHECK(verp_sender("list@example.org", "+=", "\"a b\"@example.net") ==
        "\"list+a b=example.net\"@example.org");
  CHECK(verp_sender("\"odd one\"@example.org", "+=", "bob@Example.net") ==
        "\"odd one+bob=Example.net\"@example.org");
  CHECK(verp_sender("list@example.org", "+=", "no address @") ==
        "\"list+no address @\"@example.org");
  CHECK(verp_sender("list@example.org", "", "bob@example.net") == "list@example.org");
  CHECK(are_verp_delimiters("+=", "-=+"));
  CHECK_FALSE(are_verp_delimiters("+", "-=+"));
  CHECK_FALSE(are_verp_delimiters("+==", "-=+"));
  CHECK_FALSE(are_verp_delimiters("+/", "-=+"));
}
