#include "smtpd/routing/router.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/base/scratch.h"
#include "smtpd/routing/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("virtual aliases come first, in any domain, with a catch-all last") {
  RouterFixture fixture;
  check(fixture, {{"info@hosted.example", "-> ann@example.org"},
                  {"INFO@Hosted.Example", "-> ann@example.org"},
                  {"info+x@hosted.example", "-> ann+x@example.org"},
                  {"any@hosted.example", "-> bob@example.org carol@else.example"},
                  {"sales@else.example", "-> ann@example.org"},
                  {"self@else.example", "smtp else.example"}});
  RouterFixture strict({"virtual_alias_maps=inline:{{info@hosted.example=ann}}"});
  CHECK(strict.resolve("any@hosted.example") == "5.1.1 User unknown in virtual alias table");
}

TEST_CASE("an address that begins with - leads nowhere, unless allow_min_user") {
  RouterFixture fixture;
  check(fixture, {{"-rf@else.example", "5.1.3 bad address syntax: -rf@else.example"},
                  {"-rf", "5.1.3 bad address syntax: -rf@example.org"},
                  {"x-@else.example", "smtp else.example"}});
  RouterFixture allowing({"allow_min_user=yes"});
  CHECK(allowing.resolve("-rf@else.example") == "smtp else.example");
}

TEST_CASE("final domains look at aliases, then accounts, and refuse who is in neither") {
  RouterFixture fixture;
  check(fixture, {{"ann@example.org", "local ann"},
                  {"ann+news@example.org", "local ann"},
                  {"ann@[192.0.2.7]", "local ann"},
                  {"ann", "local ann"},
                  {"staff@example.org", "-> ann@example.org bob@example.org eve@else.example"},
                  {"STAFF+x@localhost", "-> ann@example.org bob@example.org eve@else.example"},
                  {"list@example.org", "-> ann@example.org(owner-list@example.org)"},
                  {"program@example.org", "-> |/bin/cat -n"},
                  {"file@example.org", "-> /var/log/x"},
                  {"nobody@example.org", "5.2.4 the alias nobody has no recipients"},
                  {"zoe@example.org", "5.1.1 unknown user: \"zoe\""},
                  {"mailer-daemon@example.org", "-> postmaster@example.org"}});
}

TEST_CASE("what a sender asks for in reports does not go on to the members of a list") {
  RouterFixture fixture;
  for (bool is_list : {true, false}) {
    Recipient recipient;
    recipient.address = is_list ? "list@example.org" : "staff@example.org";
    recipient.orcpt = "rfc822;ann@example.org";
    recipient.notify = notify_success | notify_failure;
    auto resolution = fixture.router->resolve(recipient, "s@x.example");
    REQUIRE(resolution);
    for (const auto& child : resolution->children) {
      CHECK(child.has_own_sender == is_list);
      CHECK(child.notify == (is_list ? std::uint8_t{notify_default} : recipient.notify));
      CHECK(child.orcpt == (is_list ? "" : recipient.orcpt));
    }
  }
}

TEST_CASE("an alias naming itself delivers to the mailbox of that name") {
  RouterFixture fixture;
  CHECK(fixture.resolve("loop@example.org") == "5.1.1 unknown user: \"loop\"");
  CHECK(fixture.resolve("both@example.org") == "-> ann@example.org! both@example.org");
  CHECK(fixture.resolve("staff@example.org", true) == "5.1.1 unknown user: \"staff\"");
  CHECK(fixture.resolve("ann@example.org", true) == "local ann");
}

TEST_CASE("an alias naming itself with an owner is a list of one: its sender is the owner") {
  RouterFixture fixture({"alias_maps=inline:{{bob=bob},{owner-bob=ann}}"});
  CHECK(fixture.resolve("bob@example.org") == "-> bob@example.org(owner-bob@example.org)");
  CHECK(fixture.resolve("bob@example.org", true) == "local bob");
}

TEST_CASE("a virtual alias that names itself beside others may still be an alias") {
  RouterFixture fixture(
      {"virtual_alias_maps=inline:{{staff@example.org=staff@example.org, x@else.example}}"});
  CHECK(fixture.resolve("staff@example.org") == "-> staff@example.org= x@else.example");
  Recipient child;
  child.address = "staff@example.org";
  child.is_virtual_self = true;
  auto resolution = fixture.router->resolve(child, "");
  REQUIRE(resolution);
  REQUIRE(resolution->is_expansion);
  CHECK(resolution->children.size() == 3);
  CHECK_FALSE(resolution->children[0].is_virtual_self);
  CHECK(resolution->children[0].via == "staff@example.org");
}

TEST_CASE("mailbox_transport = local is the mailbox itself") {
  CHECK(RouterFixture({"mailbox_transport=local"}).resolve("ann@example.org") == "local ann");
  CHECK(RouterFixture({"mailbox_transport=smtp:[inside.example]"}).resolve("ann@example.org") ==
        "smtp [inside.example]");
}

TEST_CASE("passwords and TLS policies are found under the next hop as it is written") {
  Recipient recipient;
  recipient.address = "x@else.example";
  for (std::string key :
       {"[mx.isp.example]:submission", "[mx.isp.example]:587", "mx.isp.example"}) {
    CAPTURE(key);
    RouterFixture fixture({"relayhost=[mx.isp.example]:submission", "smtp_sasl_auth_enable=yes",
                           "smtp_sasl_password_maps=inline:{{" + key + "=ann:secret}}",
                           "smtp_tls_policy_maps=inline:{{" + key + "=encrypt}}"});
    auto resolution = fixture.router->resolve(recipient, "");
    REQUIRE(resolution);
    CHECK(resolution->route.next_hop == "[mx.isp.example]:587");
    CHECK(resolution->route.credentials == "ann:secret");
    CHECK(resolution->route.tls_policy == "encrypt");
  }
}

TEST_CASE("each fallback relay comes with its own password and TLS policy") {
  Recipient recipient;
  recipient.address = "x@else.example";
  RouterFixture fixture(
      {"relayhost=[mx.isp.example]", "smtp_fallback_relay=[f.example]:26, [g.example",
       "smtp_sasl_auth_enable=yes",
       "smtp_sasl_password_maps=inline:{{mx.isp.example=ann:secret}, {f.example=f:x}}",
       "smtp_tls_policy_maps=inline:{{f.example=encrypt}}"});
  auto resolution = fixture.router->resolve(recipient, "");
  REQUIRE(resolution);
  CHECK(resolution->route.credentials == "ann:secret");
  REQUIRE(resolution->route.fallbacks.size() == 2);
  CHECK(resolution->route.fallbacks[0].next_hop == "[f.example]:26");
  CHECK(resolution->route.fallbacks[0].credentials == "f:x");
  CHECK(resolution->route.fallbacks[0].tls_policy == "encrypt");
  // A malformed entry is an error only when it is used; other mail is not held up.
  CHECK(resolution->route.fallbacks[1].next_hop == "[g.example");
  CHECK(resolution->route.fallbacks[1].credentials.empty());
}

TEST_CASE("mail goes to an LMTP server wherever a transport may be named") {
  RouterFixture fixture(
      {"transport_maps=inline:{{far.example=lmtp:inet:far.example:2424},{named.example=lmtp}}",
       "mailbox_transport=lmtp:unix:private/Dovecot-lmtp", "relay_transport=lmtp:[192.0.2.9]"});
  CHECK(fixture.resolve("x@far.example") == "lmtp [far.example]:2424");
  CHECK(fixture.resolve("x@named.example") == "lmtp [named.example]");
  CHECK(fixture.resolve("ann@example.org") == "lmtp unix:private/Dovecot-lmtp");
  CHECK(fixture.resolve("x@partner.example") == "lmtp [192.0.2.9]");
  CHECK(fixture.resolve("x@else.example") == "smtp else.example");
  CHECK(RouterFixture({"mailbox_transport=lmtp:unix:"}).resolve("ann@example.org") ==
        "later 4.3.5 bad LMTP server \"unix:\": expected unix:private/lmtp, "
        "inet:lmtp.example.com:24 or [192.0.2.1]:24");
}

TEST_CASE("an LMTP server's login, TLS policy and fallbacks are those of the lmtp_ settings") {
  Recipient recipient;
  recipient.address = "x@else.example";
  for (std::string next_hop : {"inet:lmtp.example:2424", "[lmtp.example]:2424"}) {
    CAPTURE(next_hop);
    RouterFixture fixture(
        {"default_transport=lmtp:" + next_hop, "lmtp_sasl_auth_enable=yes",
         "lmtp_fallback_relay=unix:private/lmtp", "smtp_fallback_relay=[f.example]:26",
         "smtp_sasl_auth_enable=yes", "smtp_sasl_password_maps=inline:{{lmtp.example=no:no}}",
         "lmtp_sasl_password_maps=inline:{{[lmtp.example]:2424=ann:secret}}",
         "lmtp_tls_policy_maps=inline:{{lmtp.example=encrypt}, {private/lmtp=none}}"});
    auto resolution = fixture.router->resolve(recipient, "");
    REQUIRE(resolution);
    CHECK(resolution->route.transport == Transport::Lmtp);
    CHECK(resolution->route.name == "lmtp");
    CHECK(resolution->route.credentials == "ann:secret");
    CHECK(resolution->route.tls_policy == "encrypt");
    REQUIRE(resolution->route.fallbacks.size() == 1);
    CHECK(resolution->route.fallbacks[0].next_hop == "unix:private/lmtp");
    CHECK(resolution->route.fallbacks[0].credentials.empty());
    CHECK(resolution->route.fallbacks[0].tls_policy == "none");
  }
}

TEST_CASE("what can't be found out, or is not set up, is tried later and says what to do") {
  RouterFixture fixture;
  CHECK(fixture.resolve("unclear@example.org") == "later 4.3.0 passwd can't tell");
  CHECK(fixture.resolve("root@example.org").starts_with("later 4.2.1 root may have no mail"));
  CHECK(fixture.resolve("postmaster@example.org").find("postmaster: NAME") != std::string::npos);
  CHECK(fixture.resolve("broken@example.org") == "later 4.3.5 alias broken: a quote is not closed");
  CHECK(fixture.resolve("included@example.org") == "later 4.3.5 /lists/a: no such file");
}

TEST_CASE("included files lead on, each read once, and may name commands only if allowed") {
  RouterFixture fixture;
  fixture.write("/lists/a", "# members\nann, :include:/lists/b\n");
  fixture.write("/lists/b", ":include:/lists/a\nbob\n");
  CHECK(fixture.resolve("included@example.org") == "-> ann@example.org bob@example.org");
  fixture.write("/lists/b", "|/bin/sh\n");
  CHECK(fixture.resolve("included@example.org") ==
        "5.7.1 mail to command is restricted: a list that /lists/a includes");
}

TEST_CASE("a user's list is read by a process of that user") {
  RouterFixture fixture;
  for (bool is_public : {true, false}) {
    fixture.write("/lists/a", "bob\n", 1000, is_public);
    CHECK(fixture.resolve("included@example.org") == "-> /lists/a read by ann");
  }
  fixture.write("/lists/a", "ann, :include:/lists/b\n");
  fixture.write("/lists/b", "bob\n", 1000);
  CHECK(fixture.resolve("included@example.org") == "-> ann@example.org /lists/b read by ann");
}

TEST_CASE("a list's owner is a user who may have mail only if the account is that very user's") {
  RouterFixture fixture;
  fixture.write("/lists/a", "bob\n", 1000);
  REQUIRE(fixture.resolve("included@example.org") == "-> /lists/a read by ann");
  SUBCASE("an account of our own by the same name") { fixture.accounts->is_system = false; }
  SUBCASE("an account of another uid by the same name") { fixture.accounts->uid_of_ann = 1002; }
  CHECK(fixture.resolve("included@example.org") == "-> bob@example.org");
}

TEST_CASE("commands, files and lists have a route of their own, for the user who runs or reads") {
  RouterFixture fixture;
  struct Row {
    RecipientKind kind;
    Transport transport;
  };
  for (const Row& row :
       {Row{RecipientKind::Command, Transport::Pipe}, Row{RecipientKind::File, Transport::File},
        Row{RecipientKind::Include, Transport::Include}}) {
    Recipient recipient;
    recipient.kind = row.kind;
    recipient.address = "/some/path";
    auto by_nobody = fixture.router->resolve(recipient, "");
    REQUIRE(by_nobody);
    CHECK(by_nobody->route.transport == row.transport);
    CHECK(by_nobody->route.next_hop == "/some/path");
    CHECK(by_nobody->route.account.name.empty());
    recipient.run_as = "ann";
    auto by_ann = fixture.router->resolve(recipient, "");
    REQUIRE(by_ann);
    CHECK(by_ann->route.transport == row.transport);
    CHECK(by_ann->route.account.name == "ann");
    recipient.run_as = "zoe";
    auto by_unknown = fixture.router->resolve(recipient, "");
    REQUIRE(by_unknown);
    CHECK(by_unknown->is_error);
    CHECK(by_unknown->route.status == "5.1.1");
  }
}

TEST_CASE("of a list whose owner may have no mail only addresses are used, if all may read it") {
  RouterFixture fixture;
  fixture.write("/lists/a", "bob, eve@else.example\n", 38);
  CHECK(fixture.resolve("included@example.org") == "-> bob@example.org eve@else.example");
  const std::string refusal = "later 4.3.5 /lists/a is not owned by root or by a user";
  fixture.write("/lists/a", "bob, :include:/lists/b\n", 38);
  fixture.write("/lists/b", "ann\n");
  CHECK(fixture.resolve("included@example.org").starts_with(refusal));
  fixture.write("/lists/a", "bob\n", 38, false);
  CHECK(fixture.resolve("included@example.org").starts_with("later 4.3.5 /lists/a: /lists/a is"));
  RouterFixture willing({"allow_mail_to_files=alias, include"});
  willing.write("/lists/a", "/var/log/x\n", 38);
  CHECK(willing.resolve("included@example.org").starts_with(refusal));
}

TEST_CASE("errors say where a list is wrong, and quote nothing of it") {
  RouterFixture fixture;
  for (const char* text : {"ann, secret word@@\n", "\"secret\n", "<secret\n", "|secret\n",
                           "/secret\n", ":include:secret\n", "secret (\n", ":include:/secret\n"}) {
    CAPTURE(text);
    fixture.write("/lists/a", text);
    auto said = fixture.resolve("included@example.org");
    CHECK(said.find("/lists/a") != std::string::npos);
    CHECK(said.find("secret") == std::string::npos);
  }
}

TEST_CASE("an alias table that is not there makes its recipients wait") {
  RouterFixture fixture({"alias_maps=texthash:/nowhere/aliases"});
  CHECK(fixture.resolve("ann@example.org").starts_with("later"));
}

TEST_CASE("commands and files of an alias table that is not root's are not used") {
  Scratch scratch;
  std::string table = scratch / "aliases";
  std::ofstream(table) << "program |/bin/cat\nfile /var/log/x\nteam ann\n";
  RouterFixture fixture({"alias_maps=texthash:" + table});
  CHECK(fixture.resolve("program@example.org") == "-> |/bin/cat");
  fixture.owner = 1000;
  std::string remedy =
      table + " is not owned by root, so its commands and files are not used; chown root " + table;
  CHECK(fixture.resolve("program@example.org") == "later 4.3.5 " + remedy);
  CHECK(fixture.resolve("file@example.org") == "later 4.3.5 " + remedy);
  CHECK(fixture.resolve("team@example.org") == "-> ann@example.org");
}

TEST_CASE("what a user's alias table includes is read by a process of that user") {
  Scratch scratch;
  std::string table = scratch / "aliases";
  std::ofstream(table) << "list :include:/lists/a\n";
  RouterFixture fixture({"alias_maps=texthash:" + table});
  fixture.write("/lists/a", "bob\n");
  CHECK(fixture.resolve("list@example.org") == "-> bob@example.org");
  fixture.owner = 1000;
  CHECK(fixture.resolve("list@example.org") == "-> /lists/a read by ann");
  fixture.owner = 38;
  CHECK(fixture.resolve("list@example.org")
            .starts_with("later 4.3.5 /lists/a: it is included by " + table));
}

TEST_CASE("other domains go to the relayhost, or to their own mail exchangers") {
  RouterFixture direct;
  check(direct, {{"x@else.example", "smtp else.example"},
                 {"x@partner.example", "smtp partner.example"},
                 {"x@[192.0.2.99]", "smtp [192.0.2.99]"}});
  RouterFixture relayed({"relayhost=[smtp.example.org]:587"});
  check(relayed,
        {{"x@else.example", "smtp [smtp.example.org]:587"}, {"ann@example.org", "local ann"}});
  RouterFixture mapped(
      {"relayhost=[smtp.example.org]",
       "sender_dependent_relayhost_maps=inline:{{@x.example=[other.example]}}",
       "transport_maps=inline:{{else.example=smtp:[mx.else.example]:26},"
       "{.sub.example=:[hop.example]},{gone@g.example=error:5.7.1 no mail for you},"
       "{late.example=retry:4.2.0 not now},{odd.example=uucp:x}}"});
  check(mapped, {{"x@else.example", "smtp [mx.else.example]:26"},
                 {"x@a.sub.example", "smtp [hop.example]"},
                 {"gone@g.example", "5.7.1 no mail for you"},
                 {"late@late.example", "4.2.0 not now"},
                 {"x@foreign.example", "smtp [other.example]"}});
  CHECK(mapped.resolve("x@odd.example").starts_with("later 4.3.5 \"uucp\" is no transport; "));
  RouterFixture of_bounces({"sender_dependent_relayhost_maps=inline:{{<>=[bounces.example]}}"});
  CHECK(of_bounces.resolve("x@else.example", false, "") == "smtp [bounces.example]");
  CHECK(of_bounces.resolve("x@else.example") == "smtp else.example");
}

TEST_CASE("a domain of transport_maps holds for those below it where so set") {
  std::string table = "transport_maps=inline:{{else.example=smtp:[hop.example]}}";
  CHECK(RouterFixture({table}).resolve("x@a.else.example") == "smtp a.else.example");
  RouterFixture parents({table, "parent_domain_matches_subdomains=transport_maps"});
  CHECK(parents.resolve("x@a.else.example") == "smtp [hop.example]");
}

TEST_CASE("a null client delivers nothing itself") {
  RouterFixture fixture({"role=null-client", "mydestination=", "relayhost=[smtp.example.org]",
                         "local_transport=error: local delivery disabled"});
  CHECK(fixture.resolve("ann@example.org") == "smtp [smtp.example.org]");
  CHECK(fixture.resolve("ann") == "smtp [smtp.example.org]");
  CHECK(fixture.resolve("ann@[192.0.2.7]") == "5.0.0 local delivery disabled");
}

TEST_CASE("hidden routes become addresses of their own") {
  RouterFixture fixture;
  CHECK(fixture.resolve("bob%else.example@example.org") == "-> bob@else.example");
  CHECK(fixture.resolve("else.example!bob@example.org") == "-> bob@else.example");
}

TEST_CASE("a name alone with a hidden route is one, whether or not myorigin is ours") {
  RouterFixture fixture({"mydestination=", "myorigin=corp.example"});
  check(fixture, {{"bob%else.example", "smtp else.example"},
                  {"else.example!bob", "smtp else.example"},
                  {"bob%else.example@corp.example", "smtp corp.example"},
                  {"bob%", "smtp corp.example"},
                  {"bob", "smtp corp.example"}});
  RouterFixture plain(
      {"allow_percent_hack=no", "swap_bangpath=no", "mydestination=", "myorigin=corp.example"});
  check(plain,
        {{"bob%else.example", "smtp corp.example"}, {"else.example!bob", "smtp corp.example"}});
}

TEST_CASE("the transport discard is a route of its own, with its text") {
  RouterFixture fixture(
      {"transport_maps=inline:{{news.example=discard:no news},{old.example=discard:}}",
       "double_bounce_sender=twice"});
  check(fixture,
        {{"x@news.example", "discard no news"},
         {"x@old.example", "discard discarded"},
         {"twice@example.org", "discard undeliverable postmaster notification discarded"}});
}

TEST_CASE("routes have the transport's name as in the settings") {
  RouterFixture fixture({"relay_transport=relay", "local_transport=virtual",
                         "transport_maps=inline:{{late.example=retry:not now}}"});
  auto name = [&](const char* address) {
    auto route = fixture.router->destination(*MailAddress::parse(address));
    return route ? route->route.name : route.error().text();
  };
  CHECK(name("x@partner.example") == "relay");
  CHECK(name("x@else.example") == "smtp");
  CHECK(name("ann@example.org") == "virtual");
  CHECK(name("x@late.example") == "retry");
  CHECK(name("zoe@example.org") == "virtual");
}

TEST_CASE("canonical maps rewrite what the client named, relocated users are named anew") {
  RouterFixture fixture({"canonical_maps=inline:{{old@example.org=ann@example.org}}",
                         "relocated_maps=inline:{{gone@example.org=gone@new.example}}"});
  CHECK(fixture.resolve("old@example.org") == "-> ann@example.org");
  CHECK(fixture.resolve("gone@example.org") == "5.1.6 User has moved to gone@new.example");
}

TEST_CASE("RCPT learns what delivery would find") {
  RouterFixture fixture(
      {"relay_recipient_maps=inline:{{x@partner.example=ok},{w=ok}}",
       "relocated_maps=inline:{{moved@example.org=moved@new.example}}",
       "transport_maps=inline:{{closed@example.org=error:5.7.1 closed},"
       "{down.example=retry:4.4.1 down},{gone.example=error:gone}}",
       "virtual_alias_maps=inline:{{@alias.example=@example.org},"
       "{info@hosted.example=ann@example.org},{lost@hosted.example=zoe@example.org},"
       "{many@hosted.example=zoe@example.org, yan@example.org},"
       "{ring@else.example=ring2@else.example},{ring2@else.example=ring@else.example}}",
       "virtual_alias_domains=hosted.example, alias.example"});
  struct Row {
    const char* address;
    const char* destination;
  };
  for (const Row& row :
       {Row{"ann@example.org", "local ann"},
        Row{"zoe@example.org", "5.1.1 unknown user: \"zoe\""},
        Row{"staff@example.org", "->"},
        Row{"included@example.org", "->"},
        Row{"list@example.org", "local ann"},
        Row{"nobody@example.org", "5.2.4 the alias nobody has no recipients"},
        Row{"postmaster@example.org", "450"},
        Row{"postmaster", "450"},
        Row{"mailer-daemon@example.org", "450"},
        Row{"root@example.org", "450"},
        Row{"unclear@example.org", "451"},
        Row{"broken@example.org", "451"},
        Row{"moved@example.org", "5.1.6 User has moved to moved@new.example"},
        Row{"closed@example.org", "5.7.1 closed"},
        Row{"x@gone.example", "5.0.0 gone"},
        Row{"x@down.example", "4.4.1 down"},
        Row{"ann@alias.example", "local ann"},
        Row{"zoe@alias.example", "5.1.1 unknown user: \"zoe\""},
        Row{"info@hosted.example", "local ann"},
        Row{"lost@hosted.example", "5.1.1 unknown user: \"zoe\""},
        Row{"many@hosted.example", "-> zoe@example.org yan@example.org"},
        Row{"none@hosted.example", "5.1.1 User unknown in virtual alias table"},
        Row{"ring@else.example", "5.4.6 too many expansions lead to ring2@else.example"},
        Row{"x@partner.example", "smtp partner.example"},
        Row{"y@partner.example", "5.1.1 User unknown in relay recipient table"},
        Row{"w@partner.example", "5.1.1 User unknown in relay recipient table"},
        Row{"z@else.example", "smtp else.example"}}) {
    CAPTURE(row.address);
    CHECK(fixture.destination(row.address) == row.destination);
  }
}

TEST_CASE("a local_transport of another name is asked at RCPT as at delivery") {
  RouterFixture closed({"local_transport=error:5.1.2 no mail here"});
  CHECK(closed.destination("ann@example.org") == "5.1.2 no mail here");
  RouterFixture virtual_only({"local_transport=virtual"});
  CHECK(virtual_only.destination("ann@example.org") == "local ann");
  CHECK(virtual_only.destination("zoe@example.org") == "5.1.1 unknown user: \"zoe\"");
}

TEST_CASE("local_recipient_maps names whom mailbox_transport serves besides accounts") {
  RouterFixture fixture({"mailbox_transport=smtp:[store.example]",
                         "local_recipient_maps=inline:{{zoe@example.org=x}}"});
  CHECK(fixture.destination("ann@example.org") == "smtp [store.example]");
  CHECK(fixture.destination("zoe@example.org") == "smtp [store.example]");
  CHECK(fixture.destination("yan@example.org") == "5.1.1 unknown user: \"yan\"");
  RouterFixture without({"local_recipient_maps=inline:{{zoe@example.org=x}}"});
  CHECK(without.destination("zoe@example.org") == "5.1.1 unknown user: \"zoe\"");
}

TEST_CASE("the first item that holds a domain decides, be it a name, a table, or excluded") {
  struct Row {
    const char* list;
    const char* domain;
    bool is_ours;
  };
  for (const Row& row : {Row{"!a.example, inline:{{a.example=x}}", "a.example", false},
                         Row{"inline:{{a.example=x}}, !a.example", "a.example", true},
                         Row{"!inline:{{a.example=x}}, example", "a.example", false},
                         Row{"!inline:{{a.example=x}}, example", "b.example", true},
                         Row{"example, !a.example", "a.example", true},
                         Row{"!.example, inline:{{b.a.example=x}}", "b.a.example", false},
                         Row{"!inline:{{.a.example=x}}, example", "c.b.a.example", false},
                         Row{".example", "c.b.a.example", true}, Row{".example", "example", false},
                         Row{"!example, inline:{{a.example=x}}", "a.example", false}}) {
    CAPTURE(row.list);
    CAPTURE(row.domain);
    RouterFixture fixture({std::string("relay_domains=") + row.list});
    auto is = fixture.router->classify(*Domain::parse(row.domain));
    REQUIRE(is);
    CHECK((*is == DomainClass::Relay) == row.is_ours);
  }
  RouterFixture exact({"relay_domains=.example", "parent_domain_matches_subdomains="});
  auto is = exact.router->classify(*Domain::parse("c.b.a.example"));
  REQUIRE(is);
  CHECK(*is == DomainClass::Relay);
}

TEST_CASE("domains are ours by name, by literal, by table and by parent") {
  RouterFixture fixture({"mydestination=!not.example, example.org, inline:{{table.example=x}}",
                         "relay_domains=!other.partner.example, partner.example"});
  struct Class {
    const char* domain;
    DomainClass is;
  };
  for (const Class& row :
       {Class{"EXAMPLE.org", DomainClass::Local}, Class{"sub.example.org", DomainClass::Foreign},
        Class{"table.example", DomainClass::Local}, Class{"[192.0.2.7]", DomainClass::Local},
        Class{"[127.0.0.1]", DomainClass::Local}, Class{"[192.0.2.8]", DomainClass::Foreign},
        Class{"hosted.example", DomainClass::VirtualAlias},
        Class{"sub.partner.example", DomainClass::Relay},
        Class{"x.other.partner.example", DomainClass::Foreign},
        Class{"other.partner.example", DomainClass::Foreign},
        Class{"not.example", DomainClass::Foreign}, Class{"else.example", DomainClass::Foreign}}) {
    CAPTURE(row.domain);
    auto is = fixture.router->classify(*Domain::parse(row.domain));
    REQUIRE(is);
    CHECK(*is == row.is);
  }
}

TEST_CASE("a transport of one's own does what its kind does, wherever it is named") {
  RouterFixture fixture(
      {"transport.filer.kind=pipe", "transport.filer.argv=/bin/filer ${recipient}",
       "transport.filer.user=vmail", "transport.slow.kind=smtp",
       "transport.slow.smtp_fallback_relay=[fallback.example]", "transport.gone.kind=error",
       "transport.later.kind=retry", "transport.here.kind=local",
       "transport_maps=inline:{{pipe.example=filer:shelf},{slow.example=slow:[hop.example]:26},"
       "{bare.example=filer},{gone.example=gone:5.7.1 closed},{later.example=later:busy}}",
       "mailbox_transport_maps=inline:{{ann=filer:ann},{bob=here:}}", "relay_transport=slow"});
  check(fixture, {{"x@pipe.example", "filer shelf"},
                  {"x@bare.example", "filer bare.example"},
                  {"x@slow.example", "smtp [hop.example]:26"},
                  {"x@gone.example", "5.7.1 closed"},
                  {"x@later.example", "4.0.0 busy"},
                  {"ann@example.org", "filer ann"},
                  {"bob@example.org", "local bob"},
                  {"x@partner.example", "smtp partner.example"}});
  Recipient recipient;
  recipient.address = "x@slow.example";
  auto route = fixture.router->resolve(recipient, "");
  REQUIRE(route);
  CHECK(route->route.name == "slow");
  REQUIRE(route->route.fallbacks.size() == 1);
  CHECK(route->route.fallbacks[0].next_hop == "[fallback.example]");
}

TEST_CASE("mail with a content filter goes there once its virtual aliases are expanded") {
  RouterFixture fixture({"default_filter_nexthop=", "relayhost=[relay.example]",
                         "canonical_maps=inline:{{old@else.example=new@else.example}}"});
  auto resolve = [&](const char* address, const char* filter, bool is_mapped = false) {
    Recipient recipient;
    recipient.address = address;
    recipient.is_virtual_self = is_mapped;
    auto found = fixture.router->resolve(recipient, "s@x.example", filter);
    if (!found) return "later " + found.error().text();
    if (found->is_expansion) return "-> " + found->children.at(0).address;
    return found->route.name + " " + found->route.next_hop;
  };
  CHECK(resolve("x@else.example", "smtp:[127.0.0.1]:10024") == "smtp [127.0.0.1]:10024");
  CHECK(resolve("ann@example.org", "smtp:[127.0.0.1]:10024") == "smtp [127.0.0.1]:10024");
  CHECK(resolve("staff@example.org", "smtp:[127.0.0.1]:10024") == "smtp [127.0.0.1]:10024");
  CHECK(resolve("nobody-here@example.org", "smtp:[127.0.0.1]:10024") == "smtp [127.0.0.1]:10024");
  CHECK(resolve("info@hosted.example", "smtp:[127.0.0.1]:10024") == "-> ann@example.org");
  CHECK(resolve("info@hosted.example", "smtp:[127.0.0.1]:10024", true) == "smtp [127.0.0.1]:10024");
  CHECK(resolve("old@else.example", "smtp:[127.0.0.1]:10024") == "-> new@else.example");
  CHECK(resolve("x@else.example", "relay:") == "relay else.example");
  CHECK(resolve("x@else.example", "scan:x").starts_with("later \"scan\" is no transport; "));
  RouterFixture named({"default_filter_nexthop=[scan.example]"});
  Recipient recipient;
  recipient.address = "x@else.example";
  CHECK(named.router->resolve(recipient, "", "smtp:")->route.next_hop == "[scan.example]");
}

TEST_CASE("what leaves for a foreign domain goes by the transport of its sender") {
  RouterFixture fixture(
      {"default_transport=smtp:[all.example]", "relay_transport=relay:[inside.example]",
       "transport_maps=inline:{{mapped.example=smtp:[map.example]},{hop.example=:[hop.example]}}",
       "sender_dependent_default_transport_maps=inline:{{ann@example.org=lmtp:[ann.example]},"
       "{@example.org=relay:[org.example]},{eve@example.org=DUNNO},"
       "{bob@example.org=error:5.7.1 not by mail},{<>=smtp:[null.example]}}"});
  struct Row {
    const char* sender;
    const char* recipient;
    const char* expected;
  };
  for (const Row& row : {Row{"ann@example.org", "x@else.example", "lmtp [ann.example]"},
                         Row{"ann+lists@example.org", "x@else.example", "lmtp [ann.example]"},
                         Row{"dan@example.org", "x@else.example", "smtp [org.example]"},
                         Row{"eve@example.org", "x@else.example", "smtp [all.example]"},
                         Row{"x@other.example", "x@else.example", "smtp [all.example]"},
                         Row{"bob@example.org", "x@else.example", "5.7.1 not by mail"},
                         Row{"", "x@else.example", "smtp [null.example]"},
                         Row{"ann@example.org", "x@mapped.example", "smtp [map.example]"},
                         Row{"ann@example.org", "x@hop.example", "lmtp [hop.example]"},
                         Row{"ann@example.org", "x@partner.example", "smtp [inside.example]"},
                         Row{"ann@example.org", "ann@example.org", "local ann"}}) {
    CAPTURE(row.sender);
    CAPTURE(row.recipient);
    CHECK(fixture.resolve(row.recipient, false, row.sender) == row.expected);
  }
}

TEST_CASE("with smtp_sender_dependent_authentication a sender's own login comes before the hop's") {
  std::vector<std::string> settings{
      "relayhost=[mx.isp.example]", "smtp_fallback_relay=[f.example]", "smtp_sasl_auth_enable=yes",
      "smtp_sasl_password_maps=inline:{{ann@example.org=ann:a},{@example.org=all:o},"
      "{mx.isp.example=hop:h},{f.example=fall:f}}"};
  Recipient recipient;
  recipient.address = "x@else.example";
  auto logins = [&](const std::vector<std::string>& with, const std::string& sender) {
    auto resolution = RouterFixture(with).router->resolve(recipient, sender);
    REQUIRE(resolution);
    return resolution->route.credentials + " " + resolution->route.fallbacks[0].credentials;
  };
  CHECK(logins(settings, "ann@example.org") == "hop:h fall:f");
  settings.push_back("smtp_sender_dependent_authentication=yes");
  CHECK(logins(settings, "ann@example.org") == "ann:a ann:a");
  CHECK(logins(settings, "ann+x@example.org") == "ann:a ann:a");
  CHECK(logins(settings, "bob@example.org") == "all:o all:o");
  CHECK(logins(settings, "x@other.example") == "hop:h fall:f");
  CHECK(logins(settings, "") == "hop:h fall:f");
  settings.push_back("smtp_sasl_auth_enable=no");
  CHECK(logins(settings, "ann@example.org") == " ");
}
