#include <doctest/doctest.h>

#include "smtpd/routing/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("a hosted domain has own users alone, without aliases and system users") {
  RouterFixture fixture({"virtual_mailbox_domains=own.example, inline:{{table.example=x}}",
                         "virtual_alias_maps=inline:{{info@own.example=alice@own.example}}"});
  check(fixture, {{"alice@own.example", "local alice@own.example"},
                  {"alice+x@own.example", "local alice@own.example"},
                  {"info@own.example", "-> alice@own.example"},
                  {"ann@own.example", "5.1.1 unknown user: \"ann@own.example\""},
                  {"staff@own.example", "5.1.1 unknown user: \"staff@own.example\""},
                  {"unclear@own.example", "later 4.3.0 the users map can't tell"},
                  {"ann@table.example", "5.1.1 unknown user: \"ann@table.example\""},
                  {"ann@sub.own.example", "smtp sub.own.example"},
                  {"postmaster@own.example", "-> postmaster@example.org"}});
  CHECK(fixture.destination("alice@own.example") == "local alice@own.example");
  CHECK(fixture.destination("ann@own.example") == "5.1.1 unknown user: \"ann@own.example\"");
  CHECK(RouterFixture().resolve("alice@own.example") == "smtp own.example");
}

TEST_CASE("hosted domains come after final ones and virtual alias domains, before relayed ones") {
  RouterFixture fixture({"virtual_mailbox_domains=example.org, hosted.example, partner.example",
                         "virtual_alias_domains=hosted.example", "virtual_alias_maps="});
  CHECK(fixture.resolve("ann@example.org") == "local ann");
  CHECK(fixture.resolve("x@hosted.example") == "5.1.1 User unknown in virtual alias table");
  CHECK(fixture.resolve("x@partner.example") == "5.1.1 unknown user: \"x@partner.example\"");
}

TEST_CASE("virtual_transport may lead elsewhere, for those whom virtual_mailbox_maps names") {
  std::string domains = "virtual_mailbox_domains=own.example";
  RouterFixture open(
      {domains, "virtual_transport=relay:[store.example]", "relayhost=[out.example]"});
  CHECK(open.resolve("any@own.example") == "smtp [store.example]");
  RouterFixture by_mx({domains, "virtual_transport=smtp", "relayhost=[out.example]"});
  CHECK(by_mx.resolve("any@own.example") == "smtp own.example");
  RouterFixture closed({domains, "virtual_transport=smtp:[store.example]",
                        "virtual_mailbox_maps=inline:{{zoe@own.example=zoe/}}"});
  CHECK(closed.resolve("zoe+x@own.example") == "smtp [store.example]");
  CHECK(closed.resolve("alice@own.example") == "smtp [store.example]");
  CHECK(closed.resolve("ann@own.example") == "5.1.1 User unknown in virtual mailbox table");
  RouterFixture mapped({domains, "transport_maps=inline:{{own.example=smtp:[mapped.example]}}"});
  CHECK(mapped.resolve("any@own.example") == "smtp [mapped.example]");
}

TEST_CASE("mail for an address of virtual_mailbox_maps without an own user waits for the user") {
  RouterFixture fixture({"virtual_mailbox_domains=own.example",
                         "virtual_mailbox_maps=inline:{{zoe@own.example=zoe/}}"});
  CHECK(fixture.resolve("alice@own.example") == "local alice@own.example");
  CHECK(fixture.resolve("zoe@own.example").ends_with("run pennypost user add zoe@own.example"));
  CHECK(fixture.destination("zoe@own.example") == "450");
}

TEST_CASE("fallback_transport gets the mail of unknown users, and luser_relay what is left") {
  RouterFixture fixture({"fallback_transport_maps=inline:{{zoe=smtp:[map.example]},{yan=local}}",
                         "fallback_transport=smtp:[all.example]", "luser_relay=ann"});
  check(fixture, {{"ann@example.org", "local ann"},
                  {"staff@example.org", "-> ann@example.org bob@example.org eve@else.example"},
                  {"ZOE+x@example.org", "smtp [map.example]"},
                  {"yan@example.org", "-> ann@example.org"},
                  {"xen@example.org", "smtp [all.example]"},
                  {"root@example.org", "later 4.2.1 root may have no mail here; use an alias"}});
}

TEST_CASE("luser_relay expands the names of the recipient and ends with itself") {
  struct Row {
    const char* luser_relay;
    const char* outcome;
  };
  for (const Row& row :
       {Row{"bob", "-> bob@example.org"}, Row{"$local@else.example", "-> zoe+x@else.example"},
        Row{"$user@else.example", "-> zoe@else.example"},
        Row{"bob+${local}", "-> bob+zoe+x@example.org"},
        Row{"$extension@$domain.invalid", "-> x@example.org.invalid"},
        Row{"$recipient", "5.1.1 unknown user: \"zoe+x\""}}) {
    CAPTURE(row.luser_relay);
    RouterFixture fixture({std::string("luser_relay=") + row.luser_relay});
    CHECK(fixture.resolve("zoe+x@example.org") == row.outcome);
  }
  RouterFixture self({"luser_relay=zoe"});
  CHECK(self.resolve("zoe@example.org") == "5.1.1 unknown user: \"zoe\"");
  CHECK(self.resolve("yan@example.org", true) == "5.1.1 unknown user: \"yan\"");
  RouterFixture empty({"luser_relay=a$extension@else.example"});
  CHECK(empty.resolve("zoe@example.org") == "-> a@else.example");
}

TEST_CASE("at RCPT an unknown user exists only if local_recipient_maps says so") {
  RouterFixture plain({"luser_relay=ann"});
  CHECK(plain.destination("zoe@example.org") == "5.1.1 unknown user: \"zoe\"");
  RouterFixture any({"luser_relay=ann", "local_recipient_maps="});
  CHECK(any.destination("zoe@example.org") == "local ann");
  RouterFixture listed(
      {"fallback_transport=smtp:[all.example]", "local_recipient_maps=inline:{{zoe=x}}"});
  CHECK(listed.destination("zoe@example.org") == "smtp [all.example]");
  CHECK(listed.destination("yan@example.org") == "5.1.1 unknown user: \"yan\"");
  // Delivery would return it: there is nobody who takes it.
  CHECK(RouterFixture({"local_recipient_maps="}).destination("zoe@example.org") ==
        "5.1.1 unknown user: \"zoe\"");
}

TEST_CASE("a user's own transport or command comes before that of all") {
  RouterFixture fixture({"mailbox_transport_maps=inline:{{ann=smtp:[hers.example]},{bob=local}}",
                         "mailbox_command_maps=inline:{{bob=/bin/filter}}",
                         "mailbox_transport=smtp:[all.example]"});
  CHECK(fixture.resolve("ann+x@example.org") == "smtp [hers.example]");
  CHECK(fixture.resolve("bob@example.org") == "local bob");
  auto route = [&] { return fixture.router->destination(*MailAddress::parse("bob@example.org")); };
  CHECK(route()->route.next_hop == "/bin/filter");
  fixture.accounts->is_system = false;
  CHECK(route()->route.next_hop == "");
}
