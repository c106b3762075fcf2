#include <doctest/doctest.h>

#include <algorithm>

#include "common/config/check.h"
#include "common/config/config.h"
#include "common/config/tables.h"

using namespace pennypost;

namespace {

Result<std::shared_ptr<const Config>> parse(const std::string& toml) {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  return Config::parse(toml, options);
}

std::string warnings_of(const std::string& toml) {
  auto config = parse(toml);
  if (!config) return "refused: " + config.error().text();
  std::string all;
  for (const auto& warning : (*config)->warnings()) all += warning + "\n";
  return all;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("what is legal and would do harm is warned of, with line, setting and harm") {
  struct Row {
    const char* toml;
    const char* warning;
  };
  const Row rows[] = {
      {"mynetworks = \"127.0.0.0/8 0.0.0.0/0\"",
       "main.toml:1: mynetworks: 0.0.0.0/0 holds a large"},
      {"mynetworks = \"0.0.0.0/1\"", "main.toml:1: mynetworks: 0.0.0.0/1 holds a large"},
      {"dmarc_reports = \"yes\"",
       "main.toml:1: dmarc_reports: there is nothing to report, since mailauth_checks does not"},
      {"mynetworks = \"[::]/0\"", "main.toml:1: mynetworks: [::]/0 holds a large"},
      {"relayhost = \"[mail.example.com]\"",
       "main.toml:1: relayhost: \"[mail.example.com]\" is this"},
      {"relayhost = \"[192.0.2.7]\"", "main.toml:1: relayhost: \"[192.0.2.7]\" is this host"},
      {"relayhost = \"localhost:25\"", "main.toml:1: relayhost: \"localhost:25\" is this host"},
      {"mydestination = \"a.test, b.test\"\nvirtual_alias_domains = \"b.test\"",
       "main.toml:2: virtual_alias_domains: b.test is in mydestination as well"},
      {"virtual_mailbox_domains = \"b.test\"\nvirtual_alias_domains = \"b.test\"",
       "main.toml:1: virtual_mailbox_domains: b.test is in virtual_alias_domains as well"},
      {"mydestination = \"a.test\"\nrelay_domains = \"A.test\"",
       "main.toml:2: relay_domains: A.test is in mydestination as well"},
      {"inet_interfaces = \"all\"", "main.toml:1: inet_interfaces: other hosts may send mail here"},
      {"role = \"relay\"", "submission_port: nobody can log in on port 587"},
      {"ssl = \"no\"\nimaps_port = 993\nssl_cert = \"/c.pem\"",
       "main.toml:2: imaps_port: closed, since ssl = \"no\""},
      {"transport_maps = \"btree:/etc/transport\"\nrelocated_maps = \"lmdb:/etc/relocated\"",
       "relocated_maps: lmdb:/etc/relocated is read as hash:/etc/relocated, which postmap builds"},
      {"postscreen_greet_action = \"enforce\"",
       "main.toml:1: postscreen_greet_action: has no effect while postscreen_enable = no"},
      {"mydomain = \"co.uk\"", "main.toml:1: mydomain: \"co.uk\" is a domain under which"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.toml);
    auto warnings = warnings_of(row.toml);
    CAPTURE(warnings);
    CHECK(contains(warnings, row.warning));
  }
}

TEST_CASE("tables of other types that are read as hash: are warned of once") {
  auto warnings = warnings_of(
      "transport_maps = \"dbm:/etc/transport\"\nrelocated_maps = \"cdb:/etc/relocated\"\n"
      "virtual_alias_maps = \"hash:/etc/virtual, proxy:ldap:/etc/virtual.cf\"");
  CHECK(contains(warnings, "cdb:/etc/relocated is read as hash:/etc/relocated"));
  CHECK_FALSE(contains(warnings, "dbm:/etc/transport"));
  CHECK_FALSE(contains(warnings, "virtual"));
}

TEST_CASE("what is usual is not warned of") {
  for (const char* toml : {
           "mynetworks = \"127.0.0.0/8 10.0.0.0/8 [2001:db8::]/32\"",
           "mynetworks = \"!0.0.0.0/0\"",
           "relayhost = \"[smtp.example.com]\"",
           "relayhost = \"[127.0.0.1]:10025\"",
           "role = \"destination\"\nssl_cert = \"/c.pem\"\nvirtual_alias_domains = \"b.test\"\n"
           "virtual_alias_maps = \"hash:/v\"",
           "inet_interfaces = \"all\"\nmydestination = \"example.com\"",
           "inet_interfaces = \"loopback-only\"",
           "postscreen_greet_action = \"enforce\"\n[service.smtp]\npostscreen_enable = \"yes\"",
       }) {
    CAPTURE(toml);
    auto config = parse(toml);
    REQUIRE(config);
    for (const auto& warning : (*config)->warnings()) {
      CHECK(contains(warning, "off, since there is no certificate"));
    }
  }
}

TEST_CASE("ssl = no closes the ports that are nothing but TLS, and no others") {
  auto config = parse("role = \"destination\"\nssl_cert = \"/c.pem\"\nssl = \"no\"");
  REQUIRE(config);
  CHECK((*config)->imaps_port == 0);
  CHECK((*config)->pop3s_port == 0);
  CHECK((*config)->imap_port == 143);
  CHECK((*config)->submissions_port == 465);
}

TEST_CASE("two services on one port of one address are refused") {
  CHECK(contains(warnings_of("submission_port = 25"),
                 "main.toml:1: submission_port: 25 is the port of smtp_port, too"));
  CHECK(contains(warnings_of("smtp_port = 143"),
                 "main.toml:1: smtp_port: 143 is the port of imap_port, too"));
  CHECK(parse("smtp_port = 143\nprotocols = \"pop3\""));
  CHECK(
      parse("submission_port = 25\ninet_interfaces = \"127.0.0.1\"\n[service.submission]\n"
            "inet_interfaces = \"127.0.0.2\""));
}

TEST_CASE("a null client made setting by setting is the host that the role makes") {
  const std::string settings =
      "relayhost = \"[smtp1.example.com]\"\ninet_interfaces = \"loopback-only\"\n"
      "mynetworks = \"127.0.0.0/8 [::1]/128\"\nmyorigin = \"$myhostname\"\n"
      "mydestination = \"\"\nlocal_transport = \"error: local delivery disabled\"\n";
  auto by_settings = parse(settings);
  auto by_role = parse("role = \"null-client\"\nrelayhost = \"[smtp1.example.com]\"");
  REQUIRE(by_settings);
  REQUIRE(by_role);
  for (const auto& parameter : parameters()) {
    CAPTURE(parameter.name);
    CHECK((*by_settings)->text(parameter.name) == (*by_role)->text(parameter.name));
  }
  CHECK(why_not_here(**by_settings, {Service::Imap}));
  CHECK(why_not_here(**by_settings, {Service::Pop3}));
  CHECK_FALSE(why_not_here(**by_settings, {Service::Smtp}));
  // Who asks for mailboxes is none.
  auto with_imap = parse(settings + "protocols = \"imap\"");
  REQUIRE(with_imap);
  CHECK((*with_imap)->role == Role::None);
  CHECK_FALSE(why_not_here(**with_imap, {Service::Imap}));
  CHECK(contains(*why_not_here(**with_imap, {Service::Pop3}),
                 "main.toml:7: protocols: does not name pop3"));
}

TEST_CASE("every table that a setting names is found once, with its setting and line") {
  auto config = parse(
      "role = \"destination\"\n"
      "alias_maps = \"\"\n"
      "transport_maps = \"hash:/t, texthash:/u\"\n"
      "mydestination = \"example.com, !hash:/m, /names\"\n"
      "smtpd_client_restrictions = \"check_client_access hash:/c, cidr:/d\"\n"
      "[service.submission]\n"
      "smtpd_sender_login_maps = \"hash:/l\"\n");
  REQUIRE(config);
  std::vector<std::string> found;
  for (const auto& named : tables_in(**config)) {
    auto line = named.where.substr(named.where.rfind(':') + 1);
    found.push_back(line + " " + named.parameter + " " + named.table.text());
  }
  for (const char* expected :
       {"3 transport_maps hash:/t", "3 transport_maps texthash:/u", "4 mydestination hash:/m",
        "4 mydestination list:/names", "5 smtpd_client_restrictions hash:/c",
        "5 smtpd_client_restrictions cidr:/d"}) {
    CAPTURE(expected);
    CHECK(std::ranges::count(found, expected) == 1);
  }
  CHECK(std::ranges::any_of(
      found, [](const auto& text) { return contains(text, "smtpd_sender_login_maps hash:/l"); }));
}
