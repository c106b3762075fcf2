#include "common/mail/completion.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("an address gets what it lacks, as far as there is a domain for it") {
  const Completion both{*Domain::parse("origin.test"), *Domain::parse("corp.test")};
  struct Row {
    const char* address;
    const char* completed;
    const char* without_domains;
  };
  const Row rows[] = {
      {"", "", ""},
      {"ann", "ann@origin.test", "ann"},
      {"ann@lab", "ann@lab.corp.test", "ann@lab"},
      {"ann@a.lab", "ann@a.lab", "ann@a.lab"},
      {"ann@localhost", "ann@localhost", "ann@localhost"},
      {"ann@[192.0.2.1]", "ann@[192.0.2.1]", "ann@[192.0.2.1]"},
      {"ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]"},
      {"\"a b\"@lab", "\"a b\"@lab.corp.test", "\"a b\"@lab"},
  };
  for (const auto& row : rows) {
    auto address = *row.address == '\0' ? MailAddress() : *MailAddress::parse(row.address);
    CHECK(both.complete(address)->text() == row.completed);
    CHECK(Completion().complete(address)->text() == row.without_domains);
    CHECK((!is_complete(address) || both.complete(address)->text() == address.text()));
  }
}

TEST_CASE("a domain that would be too long with mydomain is an error, not half a domain") {
  auto label = std::string(domain_label_bytes_max, 'a');
  Completion completion;
  completion.mydomain = *Domain::parse(label + "." + label + "." + label + ".test");
  auto completed = completion.complete(*MailAddress::parse("ann@" + label));
  REQUIRE(!completed);
  CHECK(completed.error().status() == EnhancedStatus("5.1.3"));
}
