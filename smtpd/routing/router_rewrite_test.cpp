#include <doctest/doctest.h>

#include "smtpd/routing/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("masquerade_domains hide the hosts below them, in the order of the list") {
  struct Row {
    const char* address;
    const char* sender;
  };
  std::string domains = "masquerade_domains=foo.example.com, !bar.example.com, example.com";
  RouterFixture fixture({domains, "masquerade_exceptions=root, inline:{{daemon=x}}"});
  for (const Row& row :
       {Row{"a@x.example.com", "a@example.com"}, Row{"a@y.x.EXAMPLE.com", "a@example.com"},
        Row{"a@z.foo.example.com", "a@foo.example.com"},
        Row{"a@foo.example.com", "a@foo.example.com"},
        Row{"a@x.bar.example.com", "a@x.bar.example.com"},
        Row{"a@bar.example.com", "a@bar.example.com"}, Row{"a@example.com", "a@example.com"},
        Row{"a@notexample.com", "a@notexample.com"},
        Row{"Root@x.example.com", "Root@x.example.com"},
        Row{"daemon@x.example.com", "daemon@x.example.com"},
        Row{"a@[192.0.2.1]", "a@[192.0.2.1]"}}) {
    CAPTURE(row.address);
    Canonicalize ask;
    ask.sender = row.address;
    ask.in_header = {{row.address, true}, {row.address, false}};
    auto rewritten = fixture.router->canonicalize(ask);
    REQUIRE(rewritten);
    CHECK(rewritten->sender == row.sender);
    CHECK(rewritten->in_header == std::vector<std::string>(2, row.sender));
  }
  CHECK(fixture.resolve("x@a.example.com") == "smtp a.example.com");
  RouterFixture recipients({domains, "masquerade_classes=envelope_recipient"});
  CHECK(recipients.resolve("x@a.example.com") == "-> x@example.com");
  Canonicalize ask;
  ask.sender = "a@x.example.com";
  CHECK(recipients.router->canonicalize(ask)->sender == "a@x.example.com");
}

TEST_CASE("masquerading works on what canonical maps made") {
  RouterFixture fixture({"masquerade_domains=example.com",
                         "sender_canonical_maps=inline:{{ann@example.org=ann@host.example.com}}"});
  Canonicalize ask;
  ask.sender = "ann@example.org";
  CHECK(fixture.router->canonicalize(ask)->sender == "ann@example.com");
}

TEST_CASE("generic maps rewrite what leaves, by one look-up, and only by its own protocol") {
  struct Row {
    const char* address;
    const char* smtp;
    const char* lmtp;
  };
  RouterFixture fixture(
      {"propagate_unmatched_extensions=generic",
       "smtp_generic_maps=inline:{{ann@example.org=ann@isp.example},{bob=robert@isp.example},"
       "{@lan.example=@isp.example},{chain@x.example=ann@example.org}}",
       "lmtp_generic_maps=inline:{{ann@example.org=ann@lmtp.example}}"});
  for (const Row& row :
       {Row{"ann@example.org", "ann@isp.example", "ann@lmtp.example"},
        Row{"Ann@EXAMPLE.org", "ann@isp.example", "ann@lmtp.example"},
        Row{"ann+lists@example.org", "ann+lists@isp.example", "ann+lists@lmtp.example"},
        Row{"bob@example.org", "robert@isp.example", "bob@example.org"},
        Row{"bob@else.example", "bob@else.example", "bob@else.example"},
        Row{"any.one@lan.example", "any.one@isp.example", "any.one@lan.example"},
        Row{"chain@x.example", "ann@example.org", "chain@x.example"}, Row{"", "", ""},
        Row{"no domain@", "no domain@", "no domain@"}}) {
    CAPTURE(row.address);
    Generalize ask;
    ask.sender = row.address;
    ask.others = {row.address};
    auto rewritten = fixture.router->generalize(ask);
    REQUIRE(rewritten);
    CHECK(rewritten->sender == row.smtp);
    CHECK(rewritten->others == std::vector<std::string>{row.smtp});
    ask.transport = Transport::Lmtp;
    CHECK(fixture.router->generalize(ask)->sender == row.lmtp);
  }
  RouterFixture plain({"smtp_generic_maps=inline:{{ann@example.org=ann@isp.example}}"});
  Generalize extended;
  extended.sender = "ann+lists@example.org";
  CHECK(plain.router->generalize(extended)->sender == "ann@isp.example");
}

TEST_CASE("a generic map with a malformed address defers what it applies to") {
  RouterFixture fixture({"smtp_generic_maps=inline:{{ann@example.org=a@b@c}}"});
  Generalize ask;
  ask.sender = "ann@example.org";
  auto rewritten = fixture.router->generalize(ask);
  REQUIRE_FALSE(rewritten);
  CHECK(rewritten.error().text_with_status() ==
        "4.3.5 smtp_generic_maps: ann@example.org leads to \"a@b@c\", which is not an address");
}

TEST_CASE("blind copies are found by sender and recipients, after rewriting, each once") {
  RouterFixture fixture(
      {"always_bcc=archive", "canonical_maps=inline:{{old@example.org=new@x.example}}",
       "sender_bcc_maps=inline:{{ann=boss@example.org},{new@x.example=spy@x.example}}",
       "recipient_bcc_maps=inline:{{@partner.example=p@example.org},"
       "{new@x.example=spy@x.example},{bad@x.example=a@b@}}"});
  auto copies = [&](std::string sender, std::vector<std::string> recipients) {
    Canonicalize ask;
    ask.sender = std::move(sender);
    ask.recipients = std::move(recipients);
    auto rewritten = fixture.router->canonicalize(ask);
    if (!rewritten) return std::vector<std::string>{rewritten.error().text_with_status()};
    return rewritten->copies;
  };
  using List = std::vector<std::string>;
  CHECK(copies("", {}) == List{"archive@example.org"});
  CHECK(copies("Ann+x@example.org", {"x@a.example"}) ==
        List{"boss@example.org", "archive@example.org"});
  CHECK(copies("old@example.org", {"old@example.org", "x@partner.example", "y@partner.example"}) ==
        List{"spy@x.example", "p@example.org", "archive@example.org"});
  CHECK(copies("", {"bad@x.example"}) ==
        List{"4.3.5 recipient_bcc_maps: \"a@b@\" is not an address"});
}

TEST_CASE("a blind copy is no second one for a recipient, and is never reported") {
  std::vector<Recipient> recipients(1);
  recipients[0].address = "Archive@example.org";
  recipients[0].number = 7;
  add_blind_copies(recipients, {"archive@EXAMPLE.org", "boss@example.org"});
  REQUIRE(recipients.size() == 2);
  CHECK(recipients[1].address == "boss@example.org");
  CHECK(recipients[1].original == "boss@example.org");
  CHECK(recipients[1].number == 8);
  CHECK(recipients[1].notify == notify_never);
}

TEST_CASE("without address mappings a recipient is neither rewritten nor a virtual alias") {
  RouterFixture fixture({"canonical_maps=inline:{{bob@example.org=ann@example.org}}",
                         "virtual_alias_maps=inline:{{ann@example.org=eve@else.example}}"});
  Recipient recipient;
  recipient.is_virtual_self = true;
  for (std::string address : {"ann@example.org", "bob@example.org"}) {
    recipient.address = address;
    auto resolution = fixture.router->resolve(recipient, "");
    REQUIRE(resolution);
    CHECK(resolution->route.account.name == address.substr(0, 3));
  }
  // The relay decision depends on hidden routes, which are always followed.
  recipient.address = "bob%else.example@example.org";
  auto resolution = fixture.router->resolve(recipient, "");
  REQUIRE(resolution);
  REQUIRE(resolution->is_expansion);
  CHECK(resolution->children.at(0).address == "bob@else.example");
}
