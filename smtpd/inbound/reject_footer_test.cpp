#include "smtpd/inbound/reject_footer.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("a footer stands below a refusal, or goes on where it ends") {
  auto value = [](std::string_view name) {
    return std::string(name == "client_name" ? "h.example" : name == "helo_name" ? "a\rb" : "");
  };
  struct Row {
    const char* footer;
    const char* text;
  };
  for (const Row& row : {
           Row{"Call 555.", "No.\nCall 555."},
           Row{"\\c Call 555.", "No. Call 555."},
           Row{"\\c Call\\nus, $client_name", "No. Call\nus, h.example"},
           Row{"one\\n\\nthree", "No.\none\n\nthree"},
           Row{"$helo_name", "No.\na?b"},
       }) {
    CAPTURE(row.footer);
    CHECK(with_footer("No.", row.footer, value) == row.text);
  }
}
