#include "common/config/config.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/base/scratch.h"
#include "common/base/text.h"
#include "common/config/check.h"
#include "common/config/layers.h"
#include "common/config/load.h"
#include "common/config/nearest.h"

using namespace pennypost;

namespace {

LoadOptions on_a_host(std::vector<std::string> overrides = {}) {
  LoadOptions options;
  options.overrides = std::move(overrides);
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}, {"2001:db8::7", 64}}};
  return options;
}

std::shared_ptr<const Config> good(std::string_view toml, std::vector<std::string> overrides = {}) {
  auto config = Config::parse(toml, on_a_host(std::move(overrides)));
  if (!config) FAIL(config.error().text());
  return *config;
}

std::string bad(std::string_view toml) {
  auto config = Config::parse(toml, on_a_host());
  REQUIRE_FALSE(config);
  return config.error().text();
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

bool warns(const Config& config, const std::string& words) {
  return std::ranges::any_of(config.warnings(),
                             [&](const auto& warning) { return contains(warning, words); });
}

}  // namespace

TEST_CASE("mydomain is what the host name leaves of itself, never what belongs to nobody") {
  struct Row {
    const char* host;
    const char* domain;
  };
  for (const Row& row :
       {Row{"mail.example.com", "example.com"}, Row{"example.com", "example.com"},
        Row{"a.mail.example.co.uk", "mail.example.co.uk"}, Row{"example.co.uk", "example.co.uk"},
        Row{"server.lan", "server.lan"}, Row{"desktop.localdomain", "localdomain"}}) {
    CAPTURE(row.host);
    auto config = good("myhostname = \"" + std::string(row.host) + "\"");
    CHECK(config->mydomain == row.domain);
    bool is_warned = warns(*config, "is taken as the domain, too");
    CHECK(is_warned == (std::string_view(row.host) == row.domain));
  }
  auto wide = good("myhostname = \"mail.example.com\"\nmydomain = \"com\"");
  CHECK(warns(*wide, "main.toml:2: mydomain: \"com\" is a domain under which"));
}

TEST_CASE("an empty main.toml makes the host of the documents' defaults") {
  auto config = good("");
  CHECK(config->myhostname == "mail.example.com");
  CHECK(config->mydomain == "example.com");
  CHECK(config->myorigin == "mail.example.com");
  CHECK(config->inet_interfaces == std::vector<std::string>{"localhost"});
  CHECK(config->text("mydestination") == "mail.example.com, localhost.example.com, localhost");
  CHECK(config->text("mynetworks") == "127.0.0.0/8 [::1]/128");
  CHECK(config->relayhost.empty());
  CHECK(config->local_transport == "local:mail.example.com");
  CHECK(config->text("alias_maps") == "hash:/etc/aliases");
}

TEST_CASE("a role changes defaults only") {
  struct Row {
    const char* toml;
    const char* name;
    const char* text;
  };
  const char* null_client = "role = \"null-client\"\nrelayhost = \"[smtp1.example.com]\"\n";
  const Row rows[] = {
      {null_client, "inet_interfaces", "loopback-only"},
      {null_client, "mydestination", ""},
      {null_client, "local_transport", "error: local delivery disabled"},
      {null_client, "myorigin", "mail.example.com"},
      {null_client, "submission_port", "0"},
      {null_client, "submissions_port", "0"},
      {null_client, "protocols", "none"},
      {null_client, "mynetworks", "127.0.0.0/8 [::1]/128"},
      {"role = \"relay\"", "inet_interfaces", "all"},
      {"role = \"relay\"", "mydestination", "mail.example.com, localhost.example.com, localhost"},
      {"role = \"relay\"", "local_transport", "local:mail.example.com"},
      {"role = \"relay\"", "submission_port", "587"},
      {"role = \"relay\"", "mynetworks", "127.0.0.0/8 [::1]/128 192.0.2.7/32 [2001:db8::7]/128"},
      {"role = \"relay\"\ninet_interfaces = \"127.0.0.1, 192.0.2.7\"", "mynetworks",
       "127.0.0.0/8 [::1]/128 192.0.2.7/32"},
      {"role = \"relay\"\nmynetworks_style = \"subnet\"", "mynetworks",
       "127.0.0.0/8 [::1]/128 192.0.2.0/24 [2001:db8::]/64"},
      {"role = \"destination\"", "myorigin", "example.com"},
      {"role = \"destination\"", "mydestination",
       "mail.example.com, localhost.example.com, localhost, example.com"},
      {"role = \"destination\"\nmyorigin = \"$myhostname\"", "myorigin", "mail.example.com"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.toml);
    CAPTURE(row.name);
    CHECK(good(row.toml)->text(row.name) == row.text);
  }
}

TEST_CASE("a null client refuses what contradicts it, with setting, line and reason") {
  std::string relayhost = "role = \"null-client\"\nrelayhost = \"[smtp1.example.com]\"\n";
  CHECK(contains(bad("role = \"null-client\""), "relayhost: a null client needs the host"));
  CHECK(
      contains(bad(relayhost + "mydestination = \"example.com\""),
               "/etc/pennypost/main.toml:3: mydestination: a null client is final for no domain"));
  CHECK(contains(*why_not_here(*good(relayhost), {Service::Imap}),
                 "main.toml:1: role: a null client keeps no mailboxes"));
  CHECK(contains(bad(relayhost + "inet_interfaces = \"all\""), "main.toml:3: inet_interfaces: "));
  CHECK(contains(bad(relayhost + "submission_port = 587"), "main.toml:3: submission_port: "));
  good(relayhost + "inet_interfaces = \"127.0.0.2\"");
  CHECK(contains(bad(relayhost + "protocols = \"imap\""), "main.toml:3: protocols: "));
}

TEST_CASE("a misspelt setting is answered with the right name") {
  struct Row {
    const char* wrong;
    const char* right;
  };
  const Row rows[] = {{"inet_interface", "inet_interfaces"},
                      {"relay_host", "relayhost"},
                      {"mail_localtion", "mail_location"},
                      {"Myhostname", "myhostname"},
                      {"ssl_certt", "ssl_cert"},
                      {"mydestinations", "mydestination"}};
  for (const Row& row : rows) {
    CHECK(bad("\n" + std::string(row.wrong) + " = \"x\"") ==
          "/etc/pennypost/main.toml:2: unknown setting \"" + std::string(row.wrong) +
              "\"; did you mean " + row.right + "?");
  }
  CHECK(bad("zzzzzzzz = 1") == "/etc/pennypost/main.toml:1: unknown setting \"zzzzzzzz\"");
}

TEST_CASE("all mistakes of a file are told at once, each with its line") {
  std::string errors =
      bad("smtp_port = 70000\nsmtpd_timeout = \"soon\"\n\nhome_mailbx = \"Maildir/\"\n"
          "disable_vrfy_command = 3\n");
  CHECK(errors ==
        "/etc/pennypost/main.toml:1: smtp_port: \"70000\" is out of range; the value must lie "
        "between 0 and 65535\n"
        "/etc/pennypost/main.toml:2: smtpd_timeout: \"soon\" is not a time; write 300s, 5m, 1h, 1d "
        "or 1w\n"
        "/etc/pennypost/main.toml:4: unknown setting \"home_mailbx\"; did you mean home_mailbox?\n"
        "/etc/pennypost/main.toml:5: disable_vrfy_command: \"3\" is neither yes nor no");
}

TEST_CASE("a file that is not TOML, and sections that are none, are named by line") {
  CHECK(contains(bad("myhostname = \n"), "/etc/pennypost/main.toml:1: the value is missing"));
  CHECK(contains(bad("a = 1\na = 2\n"), "/etc/pennypost/main.toml:2: a is set twice"));
  CHECK(contains(bad("[smtpd]\nx = 1"), "main.toml:1: unknown section [smtpd]"));
  CHECK(contains(bad("[service.submision]\nx = 1"),
                 "main.toml:1: unknown service \"submision\"; did you mean submission?"));
  CHECK(contains(bad("[service.imap]\nqueue_directory = \"/q\""),
                 "main.toml:2: queue_directory has one value"));
  CHECK(contains(bad("myhostname = 1.5"), "main.toml:1: myhostname: a value is text"));
  CHECK(contains(bad(std::string(main_toml_bytes_max + 1, '#')), "the file is longer than"));
}

TEST_CASE("an absent main.toml, or one that can't be read, is named without a line") {
  Scratch scratch;
  auto missing = Config::load({.directory = scratch.path().string()});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text().starts_with(scratch /
                                           "main.toml: No such file or directory; write it"));
  std::filesystem::create_directory(scratch.path() / "main.toml");
  auto directory = Config::load({.directory = scratch.path().string()});
  REQUIRE_FALSE(directory);
  CHECK(directory.error().text().starts_with(scratch / "main.toml: Is a directory; it must be"));
}

TEST_CASE("a section of a service outweighs the file, and -o outweighs both") {
  const char* toml =
      "smtpd_timeout = \"100s\"\nsmtpd_tls_auth_only = false\n[service.submission]\nsmtpd_timeout "
      "= "
      "\"50s\"\n";
  auto config = good(toml);
  CHECK(config->smtpd_timeout == std::chrono::seconds(100));
  CHECK(config->at(Service::Smtp).smtpd_timeout == std::chrono::seconds(100));
  CHECK(config->at(Service::Submission).smtpd_timeout == std::chrono::seconds(50));
  CHECK_FALSE(config->at(Service::Submission).smtpd_tls_auth_only);
  CHECK(good("")->at(Service::Submission).smtpd_tls_auth_only);
  CHECK(good("")->at(Service::Submission).smtpd_sasl_auth_required);
  CHECK_FALSE(good("")->smtpd_sasl_auth_required);
  auto overridden = good(toml, {"smtpd_timeout=7s", "service.smtp.smtpd_timeout = 8s"});
  CHECK(overridden->at(Service::Submission).smtpd_timeout == std::chrono::seconds(7));
  CHECK(overridden->at(Service::Smtp).smtpd_timeout == std::chrono::seconds(8));
  CHECK(overridden->where("smtpd_timeout") == "-o smtpd_timeout");
  auto unknown = Config::parse("", on_a_host({"smtpd_timeut=1"}));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().text() ==
        "-o smtpd_timeut: unknown setting \"smtpd_timeut\"; did you mean smtpd_timeout?");
}

TEST_CASE("a section may hold what its service reads, and nothing that its daemon has once") {
  CHECK(
      good("[service.imap]\nlogin_max_connections = 5")->at(Service::Imap).login_max_connections ==
      5);
  for (const char* row :
       {"[service.imaps]\nlogin_max_connections = 5", "[service.pop3s]\nsyslog_name = \"x\"",
        "[service.imap]\nauth_realm = \"x.y\"", "[service.pop3]\nmail_max_keyword_length = 5",
        "[service.imaps]\nworker_process_limit = 5"}) {
    CAPTURE(row);
    CHECK(bad(row).starts_with("/etc/pennypost/main.toml:2: "));
  }
}

TEST_CASE("$name leads expansion_depth_max levels deep at most") {
  std::vector<std::string> names;
  for (const auto& row : parameters()) {
    if (row.kind == "Text") names.emplace_back(row.name);
  }
  REQUIRE(names.size() > expansion_depth_max);
  std::string chain;
  for (std::size_t i = 0; i < expansion_depth_max; ++i) {
    chain += names[i] + " = \"$" + names[i + 1] + "\"\n";
  }
  CHECK(contains(bad(chain), names[0] + ": $name leads deeper than 20 levels"));
}

TEST_CASE("$name expands, in lists and conditions, and a loop is an error") {
  auto config = good(
      "myorigin = \"$mydomain\"\nmydestination = [\"$myhostname\", \"${mydomain}\"]\n"
      "login_greeting = \"a ${relayhost?no}${relayhost:yes} $$5 $(mydomain)\"\n");
  CHECK(config->myorigin == "example.com");
  CHECK(config->mydestination == std::vector<std::string>{"mail.example.com", "example.com"});
  CHECK(config->login_greeting == "a yes $5 example.com");
  CHECK(contains(bad("myorigin = \"$mydomain\"\nmydomain = \"$myorigin\""),
                 "main.toml:1: myorigin: $myorigin leads back to itself"));
  CHECK(contains(bad("myorigin = \"$mydomian\""),
                 "unknown setting \"mydomian\"; did you mean mydomain?"));
  CHECK(contains(bad("myorigin = \"${mydomain\""), "main.toml:1: myorigin: ${ without its }"));
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "${mydomain?";
  CHECK(contains(bad("myorigin = \"" + deep + std::string(5000, '}') + "\""), "nests too deep"));
  CHECK(good("myhostname = \"mx.$mydomain\"")->myhostname == "mx.example.com");
  CHECK(good("")->forward_path ==
        "$home/.forward${recipient_delimiter}${extension}, $home/.forward");
}

TEST_CASE("namespace_prefix ends in the separator that mailboxes have in the layout of mail") {
  std::string within = "virtual_mail_location = \"maildir:~/M:LAYOUT=fs\"\n";
  good("namespace_prefix = \"INBOX.\"");
  good(within + "namespace_prefix = \"INBOX/\"");
  good(within + "namespace_separator = \".\"\nnamespace_prefix = \"INBOX.\"");
  CHECK(contains(bad(within + "namespace_prefix = \"INBOX.\""), "the separator \"/\""));
}

TEST_CASE("home_mailbox and mail_location agree, or the configuration is refused") {
  CHECK(good("")->mail_location == "mbox:~/mail:INBOX=/var/mail/%u");
  CHECK(good("")->virtual_mail_location == "maildir:~/Maildir");
  CHECK(good("home_mailbox = \"Maildir/\"")->mail_location == "maildir:~/Maildir");
  CHECK(good("home_mailbox = \"Mailbox\"")->mail_location == "mbox:~/mail:INBOX=~/Mailbox");
  CHECK(good("mail_location = \"maildir:~/M\"")->virtual_mail_location == "maildir:~/M");
  good("home_mailbox = \"Maildir/\"\nmail_location = \"maildir:~/Maildir\"");
  CHECK(contains(bad("home_mailbox = \"Mail/\"\nmail_location = \"maildir:~/Maildir\""),
                 "main.toml:1: home_mailbox: leads elsewhere than mail_location "
                 "(/etc/pennypost/main.toml:2)"));
}

TEST_CASE("a port of implicit TLS is off without a certificate, and refused when set") {
  auto config = good("role = \"destination\"");
  CHECK(config->imaps_port == 0);
  CHECK(config->submissions_port == 0);
  CHECK(config->imap_port == 143);
  CHECK(warns(*config, "submissions_port: off, since there is no certificate"));
  CHECK(warns(*config, "imaps_port: off, since there is no certificate"));
  CHECK(contains(bad("imaps_port = 993"), "main.toml:1: imaps_port: this port speaks TLS"));
  auto with = good("role = \"destination\"\nssl_cert = \"</etc/c.pem\"\nssl_key = \"/etc/k.pem\"");
  CHECK(with->imaps_port == 993);
  CHECK(with->submissions_port == 465);
  CHECK(with->warnings().empty());
  CHECK(with->smtpd_tls_cert_file == "/etc/c.pem");
  CHECK(with->smtpd_tls_key_file == "/etc/k.pem");
  CHECK(with->smtpd_tls_security_level == "may");
  CHECK(with->ssl == "yes");
  auto postfix = good("smtpd_tls_cert_file = \"/etc/c.pem\"");
  CHECK(postfix->ssl_cert == "/etc/c.pem");
  CHECK(postfix->ssl_key == "/etc/c.pem");
  CHECK(contains(bad("ssl = \"required\""), "main.toml:1: ssl: TLS needs a certificate"));
  CHECK(contains(bad("[service.submission]\nsmtpd_tls_security_level = \"encrypt\""),
                 "main.toml:2: smtpd_tls_security_level: TLS needs a certificate"));
}

TEST_CASE("names of Postfix and Dovecot that mean nothing here are answered with what to write") {
  CHECK(bad("smtpd_use_tls = \"yes\"") ==
        "/etc/pennypost/main.toml:1: \"smtpd_use_tls\" is no setting of Pennypost; write "
        "smtpd_tls_security_level = \"may\"");
  auto taken = good("biff = false\nreadme_directory = \"/usr/share/doc/postfix\"");
  auto warnings = join(taken->warnings(), "\n");
  CHECK(contains(warnings, "main.toml:1: biff has no effect here: nobody is told of new mail"));
  CHECK(contains(warnings, "main.toml:2: readme_directory has no effect here: the programs find"));
}

TEST_CASE("myorigin can be the name of a file that holds it") {
  std::string path = "/tmp/unit-config-XXXXXX";
  int fd = mkstemp(path.data());
  REQUIRE(fd >= 0);
  REQUIRE(write(fd, "# a\n\n example.org \n", 20) == 20);
  close(fd);
  CHECK(good("myorigin = \"" + path + "\"")->myorigin == "example.org");
  unlink(path.c_str());
  CHECK(contains(bad("myorigin = \"" + path + "\""), "main.toml:1: myorigin: " + path));
}

TEST_CASE("what the settings name and the host lacks is told with the line") {
  auto config =
      good("\nsmtpd_tls_cert_file = \"/nonexistent/c.pem\"\ndefault_login_user = \"nobody-here\"");
  auto findings = check_host(*config, {Service::Smtp});
  REQUIRE_FALSE(findings.empty());
  CHECK(findings[0] ==
        "/etc/pennypost/main.toml:2: smtpd_tls_cert_file: /nonexistent/c.pem: No such file or "
        "directory; make one, or correct the path");
  if (geteuid() == 0) {
    CHECK(contains(join(findings, "\n"),
                   "/etc/pennypost/main.toml:3: default_login_user: there is no account "
                   "\"nobody-here\"; make it: useradd"));
  }
}

TEST_CASE("an open relay is refused") {
  CHECK(contains(bad("smtpd_relay_restrictions = \"permit_mynetworks\""), "open relay"));
  good(
      "smtpd_relay_restrictions = \"\"\nsmtpd_recipient_restrictions = "
      "\"reject_unauth_destination\"");
}

TEST_CASE("rules across settings name the remedy") {
  struct Row {
    const char* toml;
    const char* part;
  };
  const Row rows[] = {
      {"myhostname = \"mail\"", "has no domain; write one like"},
      {"myhostname = \"a b.c\"", "is not a host name"},
      {"mynetworks = \"192.0.2.1/24\"", "has bits beyond its length; write 192.0.2.0/24"},
      {"mynetworks = \"192.168.01.0/24\"", "is not an address"},
      {"mynetworks = \"10.0.0.0/33\"", "impossible length; write at most /32"},
      {"relayhost = \"a.example, b.example\"", "more than one host"},
      {"relayhost = \"[smtp.example\"", "a [ without its ]"},
      {"relayhost = \"smtp.example:0\"", "no valid port"},
      {"mail_location = \"Maildir\"", "is no place of mail"},
      {"mail_location = \"mbox:~/mail:INBOX=/var/mail%u\"", "did you mean /var/mail/%u?"},
      {"mail_location = \"mbox:~/mail:INBOX=/srv/mail%n\"\nmail_spool_directory = \"/srv/mail\"",
       "did you mean /srv/mail/%n?"},
      {"local_transport = \"lokal:x\"", "is no transport"},
      {"mailbox_transport = \"lmtpd:unix:/x\"", "is no transport"},
      {"fallback_transport = \"uucp:x\"", "is no transport"},
      {"virtual_transport = \"\"", "is no transport"},
      {"local_recipient_maps = \"unix:passwd.byname $alias_maps\"", "leave it out"},
      {"alias_maps = \"fail:no\"", "unknown table type"},
      {"smtp_tls_security_level = \"best\"", "none, may, encrypt, dane"},
      {"mailbox_delivery_lock = \"lockf\"", "not one of: fcntl, flock, dotlock"},
      {"minimal_backoff_time = \"2h\"", "longer than maximal_backoff_time"},
      {"default_verp_delimiters = \"+/\"", "verp_delimiter_filter (-=+) does not allow"},
      {"smtpd_banner = \"hello\"", "must begin with $myhostname"},
      {"message_size_limit = \"100M\"", "raise that or write 0"},
      {"alias_maps = \"hsh:/etc/aliases\"", "unknown table type"},
      {"smtpd_client_restrictions = \"permit_mynetwork\"", "did you mean permit_mynetworks?"},
      {"role = \"relais\"", "is not a role"},
      {"inet_interfaces = \"a/b\"", "is neither all, loopback-only"},
      {"inet_interfaces = \"\"", "must not be empty"},
      {"dns_servers = \"ns.example\"", "is not an address"},
      {"dns_servers = \"127.0.0.1:0\"", "is not an address"},
      {"smtpd_client_event_limit_exceptions = \"client.example\"", "is not an address"},
      {"smtpd_sasl_exceptions_networks = \"all\"", "is not an address"},
      {"login_client_event_limit_exceptions = \"10.0.0.0/33\"", "impossible length"},
      {"parent_domain_matches_subdomains = \"mydestination\"", "is not one of: relay_domains,"},
      {"local_header_rewrite_clients = \"permit_tls_all_clientcerts\"",
       "is not one of: permit_inet"},
      {"propagate_unmatched_extensions = \"forward\"", "is not one of: canonical, virtual, alias"},
      {"defer_transports = \"smpt\"", "is no transport; there are local, "},
      {"smtp_tls_security_level = \"dane\"",
       "dane needs DNSSEC; write smtp_dns_support_level = \"dnssec\""},
      {"lmtp_tls_security_level = \"dane-only\"", "dane-only needs DNSSEC; "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.toml);
    std::string text = bad(row.toml);
    CAPTURE(text);
    CHECK(contains(text, row.part));
    CHECK(text.starts_with("/etc/pennypost/main.toml:1: "));
  }
  good("dns_servers = \"127.0.0.1:5353 192.0.2.1 [::1]:53 2001:db8::1\"");
  good("inet_interfaces = \"127.0.0.1, ::1, mail.example.com\"");
  good("relayhost = \"[smtp.example]:587\"");
  good("relayhost = \"smtp.example:submission\"");
  good("smtpd_sasl_exceptions_networks = \"!192.0.2.9 192.0.2.0/24\"");
  good("parent_domain_matches_subdomains = \"debug_peer_list, mynetworks, smtpd_access_maps\"");
  good("mynetworks = \"127.0.0.0/8 [::1]/128 !192.0.2.9 hash:/etc/pennypost/network_table\"");
}

TEST_CASE("a configuration crosses to another process whole") {
  auto config =
      good("login_greeting = \"a\\tb\\\\\"\n[service.submission]\nsmtpd_timeout = \"50s\"\n");
  auto copy = Config::from_text(config->to_text());
  REQUIRE(copy);
  CHECK((*copy)->to_text() == config->to_text());
  CHECK((*copy)->login_greeting == "a\tb\\");
  CHECK((*copy)->myhostname == config->myhostname);
  CHECK((*copy)->at(Service::Submission).smtpd_timeout == std::chrono::seconds(50));
  CHECK((*copy)->where("login_greeting") == "/etc/pennypost/main.toml:1");
  CHECK_FALSE(Config::from_text("-\tmyhostname\tx\ty\n"));
  CHECK_FALSE(Config::from_text("junk\n"));
}

TEST_CASE("every setting takes its minimum and its maximum, and nothing beyond") {
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const Parameter& parameter = parameters()[i];
    CAPTURE(parameter.name);
    Settings settings;
    if (!parameter.measure.empty()) {
      auto text = [&](std::int64_t number) {
        return std::to_string(number) + (parameter.kind == "Duration" ? "s" : "");
      };
      CHECK(parameter.range.min < parameter.range.max);
      CHECK(assign(settings, i, text(parameter.range.min)));
      CHECK(assign(settings, i, text(parameter.range.max)));
      CHECK_FALSE(assign(settings, i, text(parameter.range.max + 1)));
      if (parameter.range.min > 0) {
        CHECK_FALSE(assign(settings, i, text(parameter.range.min - 1)));
      }
      CHECK(bool(assign(settings, i, "-1")) == (parameter.range.min < 0));
      CHECK_FALSE(assign(settings, i, "99999999999999999999"));
      CHECK_FALSE(assign(settings, i, ""));
    } else if (parameter.kind == "Text" || parameter.kind == "Raw") {
      auto length = [](std::int64_t n) { return std::string(static_cast<std::size_t>(n), 'x'); };
      CHECK(assign(settings, i, length(parameter.range.min)));
      CHECK(assign(settings, i, length(parameter.range.max)));
      CHECK_FALSE(assign(settings, i, length(parameter.range.max + 1)));
    } else if (parameter.kind == "Choice") {
      for (std::string_view choice : split(parameter.range.choices, '|')) {
        CHECK(assign(settings, i, choice));
      }
      CHECK_FALSE(assign(settings, i, "no such word"));
    } else if (parameter.kind == "Flag") {
      CHECK(assign(settings, i, "yes"));
      CHECK(assign(settings, i, "no"));
      CHECK_FALSE(assign(settings, i, ""));
    }
    CHECK_FALSE(parameter.description.empty());
    CHECK(parameter.description.ends_with('.'));
  }
}

TEST_CASE("the values of one kind have one notation") {
  Settings settings;
  auto set = [&](std::string_view name, std::string_view text) {
    return assign(settings, *find_parameter(name), text);
  };
  CHECK(set("smtpd_timeout", "5m"));
  CHECK(settings.smtpd_timeout == std::chrono::minutes(5));
  CHECK(set("smtpd_timeout", "1d"));
  CHECK_FALSE(set("smtpd_timeout", "2d"));
  CHECK_FALSE(set("smtpd_timeout", "5 m"));
  // Postfix's units where there is none.
  CHECK(set("smtpd_timeout", "30"));
  CHECK(settings.smtpd_timeout == std::chrono::seconds(30));
  CHECK(set("maximal_queue_lifetime", "5"));
  CHECK(settings.maximal_queue_lifetime == std::chrono::hours(5 * 24));
  CHECK(set("bounce_queue_lifetime", "1"));
  CHECK(settings.bounce_queue_lifetime == std::chrono::hours(24));
  CHECK(set("delay_warning_time", "4"));
  CHECK(settings.delay_warning_time == std::chrono::hours(4));
  CHECK(set("delay_warning_time", "4m"));
  CHECK(settings.delay_warning_time == std::chrono::minutes(4));
  // What goes out as a line is one.
  CHECK_FALSE(set("login_greeting", "a\nb"));
  CHECK_FALSE(set("smtpd_banner", "mail.example.com\nESMTP"));
  CHECK(set("message_size_limit", "10M"));
  CHECK(settings.message_size_limit == Limit(10 << 20));
  CHECK(set(
      "smtpd_client_restrictions",
      "check_client_access cidr:/etc/c, hash:/etc/pennypost/access, Permit_Mynetworks, reject"));
  std::vector<Restriction> expected = {{"check_client_access", "cidr:/etc/c"},
                                       {"check_access", "hash:/etc/pennypost/access"},
                                       {"permit_mynetworks", ""},
                                       {"reject", ""}};
  CHECK(settings.smtpd_client_restrictions == expected);
  CHECK_FALSE(set("smtpd_client_restrictions", "check_client_access"));
  CHECK(set("alias_maps", "hash:/etc/aliases, inline:{a=b, c = d} unionmap:{static:x, hash:/y}"));
  std::vector<TableRef> tables = {
      {"hash", "/etc/aliases"}, {"inline", "{a=b, c = d}"}, {"unionmap", "{static:x, hash:/y}"}};
  CHECK(settings.alias_maps == tables);
  CHECK_FALSE(set("alias_maps", "inline:{a=b"));
  CHECK_FALSE(set("alias_maps", "hash:aliases"));
  CHECK(set("users_map", ""));
  CHECK(settings.users_map.empty());
  CHECK_FALSE(set("users_map", "hash:/a hash:/b"));
}

TEST_CASE("the distance of two names counts letters lost, added, changed and swapped") {
  CHECK(edit_distance("relayhost", "relay_host") == 1);
  CHECK(edit_distance("mydomian", "mydomain") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "abc") == 0);
}
