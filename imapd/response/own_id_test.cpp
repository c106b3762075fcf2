#include "imapd/response/own_id.h"

#include <doctest/doctest.h>

#include "imapd/response/untagged.h"

using namespace pennypost::imap;

TEST_CASE("imap_id_send is pairs of a key and a value, and * stands for our own value") {
  CHECK(id_line(own_id("name * vendor Example")) ==
        "* ID (\"name\" \"Pennypost\" \"vendor\" \"Example\")\r\n");
  CHECK(id_line(own_id("NAME * os * revision *"))
            .starts_with("* ID (\"NAME\" \"Pennypost\" \"os\" \"Linux\""));
  CHECK(id_line(own_id("revision *")) == "* ID (\"revision\" NIL)\r\n");
  CHECK(id_line(own_id("")) == "* ID NIL\r\n");
}
