#include "common/config/value_check.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/config/edit.h"

using namespace pennypost;

namespace {

LoadOptions on_a_host() {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  return options;
}

/// What is told of the text of a main.toml; empty where it is taken.
std::string told(std::string_view toml) {
  auto config = Config::parse(toml, on_a_host());
  return config ? "" : config.error().text();
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

struct Row {
  std::string toml;
  std::string what;
};

/// Each is wrong in its first line, and nothing else is told.
void check_refused(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.toml);
    std::string text = told(row.toml);
    CAPTURE(text);
    std::string setting = row.toml.substr(0, row.toml.find(' '));
    CHECK(text.starts_with("/etc/pennypost/main.toml:1: " + setting + ": "));
    CHECK(contains(text, row.what));
    CHECK(std::ranges::count(text, '\n') == 0);
  }
}

void check_taken(const std::vector<std::string>& tomls) {
  for (const std::string& toml : tomls) {
    CAPTURE(toml);
    CHECK(told(toml) == "");
  }
}

}  // namespace

TEST_CASE("mail is sent from an address of the family that the setting is for") {
  check_refused({
      {"smtp_bind_address = \"eth0\"", "\"eth0\" is not an IPv4 address; write 192.0.2.1"},
      {"smtp_bind_address = \"::1\"", "\"::1\" is not an IPv4 address; write 192.0.2.1"},
      {"smtp_bind_address = \"192.0.2.1/24\"", "is not an IPv4 address"},
      {"smtp_bind_address6 = \"127.0.0.1\"", "is not an IPv6 address; write 2001:db8::1"},
      {"proxy_interfaces = \"192.0.2.1, gate.example\"",
       "\"gate.example\" is not an address; write 192.0.2.1 or 2001:db8::1"},
  });
  check_taken({"smtp_bind_address = \"192.0.2.1\"\nsmtp_bind_address6 = \"2001:db8::1\"",
               "smtp_bind_address6 = \"[2001:db8::1]\"", "smtp_bind_address = \"\"",
               "proxy_interfaces = \"192.0.2.1, 2001:db8::1, [2001:db8::2]\""});
}

TEST_CASE("a text that is expanded for each recipient names what is known of one") {
  check_refused({
      {"forward_path = \"$homes/.forward\"",
       "\"$homes\" is not one of: $home, $user, $extension, "},
      {"command_execution_directory = \"${shell}\"", "\"$shell\" is not one of: $home, "},
      {"forward_path = \"$home/.forward, $(home)/x\"", "\"$\" is not one of: $home, "},
      {"forward_path = \"/f/${extension?x}\"", "write ${extension}"},
      {"command_execution_directory = \"/x/${user\"", "\"${user\" needs a } after the name"},
      {"command_execution_directory = \"/x/$\"", "\"$\" is not one of: $home, "},
  });
  check_taken({"forward_path = \"/f/$user/${local}${recipient_delimiter}$domain $home/$recipient\"",
               "forward_path = \"$home/.forward${recipient_delimiter}${extension}\"",
               "command_execution_directory = \"$home/bin\"",
               "command_execution_directory = \"/var/empty\""});
}

TEST_CASE("copies and the mail of unknown users go to one address, and headers get a domain") {
  check_refused({
      {"always_bcc = \"a@b.example, c@d.example\"", "is not one address; write archive@example"},
      {"always_bcc = \"a@b@c\"", "is not one address"},
      {"luser_relay = \"|/bin/cat\"", "is not one address; write admin@example.com"},
      {"luser_relay = \"/var/mail/$local\"", "is not one address"},
      {"luser_relay = \"a b\"", "is not one address"},
      {"luser_relay = \"$shell\"", "\"$shell\" is not one of: $home, $user"},
      {"remote_header_rewrite_domain = \"a..b\"", "is not a domain; write one like example.com"},
      {"masquerade_domains = \"example.com, a..b\"", "\"a..b\" is not a domain"},
      {"masquerade_domains = \"!\"", "\"!\" needs a domain"},
      {"masquerade_classes = \"envelope\"", "is not one of: envelope_sender"},
      {"masquerade_exceptions = \"hash:etc/x\"", "hash:etc/x"},
      {"virtual_mailbox_domains = \"hash:etc/x\"", "hash:etc/x"},
      {"receive_override_options = \"no_checks\"", "is not one of: no_unknown_recipient_checks"},
  });
  check_taken({"always_bcc = \"archive\"", "luser_relay = \"$local@other.example\"",
               "luser_relay = \"admin+${user}\"", "masquerade_domains = \"!a.example, example\"",
               "masquerade_exceptions = \"root, hash:/etc/x\"",
               "remote_header_rewrite_domain = \"domain.invalid\"",
               "receive_override_options = \"no_address_mappings, no_milters\""});
}

TEST_CASE("reports have one recipient and a whole sender, and seals a domain") {
  check_refused({
      {"report_recipient = \"a@b.example, c@d.example\"", "is not one address; write archive@"},
      {"dmarc_report_sender = \"postmaster\"",
       "\"postmaster\" is not an address with a domain; write postmaster@example.com"},
      {"dmarc_report_sender = \"a b@example.com\"", "is not an address with a domain"},
      {"arc_sealing_domain = \"a..b\"", "is not a domain; write one like example.com"},
  });
  check_taken({"report_recipient = \"dmarc\"", "dmarc_report_sender = \"dmarc@example.com\"",
               "arc_sealing_domain = \"example.com\""});
}

TEST_CASE("scripts of IMAP's events have a mailbox and a path, and further prefixes a separator") {
  check_refused({
      {"imapsieve_scripts = \"Junk:copy,append=learn.sieve\"",
       "\"Junk:copy,append=learn.sieve\" names no script for a mailbox"},
      {"namespace_aliases = \"mail\"",
       "\"mail\" ends with no separator; write mail/, or mail. where that is a dot"},
      {"namespace_aliases = \"mail/, /\"", "\"/\" ends with no separator"},
  });
  check_taken({"imapsieve_scripts = \"Junk:copy,append=/a.sieve, *=/b.sieve\"",
               "namespace_aliases = \"mail/, INBOX.\""});
}

TEST_CASE("imap_id_send is pairs, as many and as long as RFC 2971 allows, and no key twice") {
  std::string many;
  for (int i = 0; i < 30; ++i) many += "k" + std::to_string(i) + " v ";
  check_refused({
      {"imap_id_send = \"name * version\"",
       "\"version\" is a key without a value; write pairs, as name * version *"},
      {"imap_id_send = \"" + many + "more v\"",
       "has 31 pairs of a key and a value; write at most 30"},
      {"imap_id_send = \"" + std::string(31, 'k') + " v\"", "write at most 30 bytes"},
      {"imap_id_send = \"name * Name x\"", "has the key \"Name\" twice"},
  });
  check_taken({"imap_id_send = \"\"", "imap_id_send = \"name * support-url x\"",
               "imap_id_send = \"" + many + "\"",
               "imap_id_send = \"" + std::string(30, 'k') + " v\""});
}

TEST_CASE("what logins may be is said in words that mean something") {
  check_refused({
      {"smtp_sasl_mechanism_filter = \"plain, cram-md5\"",
       "\"cram-md5\" is not one of: scram-sha-256, plain, login"},
      {"smtp_sasl_mechanism_filter = \"!login\"", "is not one of: scram-sha-256"},
      {"smtp_sasl_security_options = \"nodictionary\"", "is not one of: noplaintext, noanonymous"},
      {"smtp_sasl_tls_security_options = \"mutual_auth\"",
       "is not one of: noplaintext, noanonymous"},
      {"smtpd_sasl_security_options = \"noactive\"", "is not one of: noplaintext, noanonymous"},
      {"smtpd_sasl_tls_security_options = \"noactive\"", "is not one of: noplaintext, noanonymous"},
  });
  check_taken({"smtp_sasl_mechanism_filter = \"PLAIN login SCRAM-SHA-256\"",
               "smtp_sasl_security_options = \"\"",
               "smtpd_sasl_security_options = \"noanonymous, NoPlaintext\""});
}

TEST_CASE("a table in a list of networks is taken, and refused where it is written wrongly") {
  check_refused({
      {"smtpd_proxy_networks = \"hsh:/etc/n\"", "hsh"},
      {"smtpd_sasl_exceptions_networks = \"hash:etc/n\"", "etc/n"},
  });
  check_taken({"mynetworks = \"10.0.0.0/8 hash:/etc/n\"",
               "smtpd_proxy_networks = \"192.0.2.1, 2001:db8::/32, !cidr:/etc/n, /etc/names\"",
               "auth_throttle_exempt_networks = \"hash:/etc/n\""});
}

TEST_CASE("what the section of a service gives is checked as the host's values are, in its line") {
  const std::vector<Row> rows = {
      {"[service.submission]\nsmtpd_banner = \"hello\"",
       "smtpd_banner: must begin with $myhostname"},
      {"[service.submissions]\nmynetworks = \"10.0.0.0/33\"", "mynetworks: \"10.0.0.0/33\" has an"},
      {"[service.smtp]\nsmtpd_proxy_networks = \"hash:n\"", "smtpd_proxy_networks: "},
      {"[service.pop3]\nlogin_client_event_limit_exceptions = \"all\"",
       "\"all\" is not an address"},
      {"[service.imaps]\nimap_id_send = \"name\"", "imap_id_send: \"name\" is a key without"},
      {"[service.submission]\nsmtpd_sasl_security_options = \"x\"",
       "\"x\" is not one of: noplaintext"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.toml);
    std::string text = told(row.toml);
    CAPTURE(text);
    CHECK(text.starts_with("/etc/pennypost/main.toml:2: "));
    CHECK(contains(text, row.what));
    CHECK(std::ranges::count(text, '\n') == 0);
  }
  check_taken({"[service.submission]\nsmtpd_banner = \"$myhostname ESMTP\""});
}

TEST_CASE("a wrong value is told once, whatever settings and services take it over") {
  check_refused({
      {"mynetworks = \"10.0.0.0/33\"", "impossible length"},
      {"smtpd_sasl_security_options = \"noactive\"", "is not one of"},
      {"smtpd_banner = \"hello\"", "must begin with $myhostname"},
  });
}

TEST_CASE("what is added where no recipient is shown must be a header field") {
  check_refused({
      {"undisclosed_recipients_header = \"undisclosed recipients\"", "is not a header field"},
  });
  check_taken({"undisclosed_recipients_header = \"To: undisclosed-recipients:;\""});
}

TEST_CASE("milters are named by host and port or socket, each with settings of its own") {
  check_refused({
      {"smtpd_milters = \"127.0.0.1:1\"",
       "\"127.0.0.1:1\" names no place of a server; write inet:127.0.0.1:10023 or unix:"},
      {"smtpd_milters = \"{ inet:localhost:1, default_action=maybe }\"",
       "default_action: \"maybe\" is not one of: accept, reject, tempfail, quarantine, shutdown"},
      {"smtpd_milters = \"{ inet:localhost:1, timeout=1s }\"",
       "is no setting of a server; write one of command_timeout, connect_timeout"},
      {"non_smtpd_milters = \"inet:localhost:0\"", "has no port"},
      {"milter_protocol = \"2, 3\"", "names no version, or several; write 6"},
      {"milter_protocol = \"no_header_reply\"", "names no version, or several; write 6"},
      {"milter_protocol = \"5\"", "\"5\" is not one of: 2, 3, 4, 6, no_header_reply"},
      {"milter_macro_defaults = \"{auth_type}\"", "\"{auth_type}\" is no name=value"},
  });
  check_taken(
      {"smtpd_milters = \"inet:localhost:1, { unix:/run/m, protocol=2 command_timeout=5s "
       "{ default_action = accept } }\"",
       "milter_macro_defaults = \"{auth_type}=none, i=x, { {a} = b c }, {x}={y}\"",
       "milter_protocol = \"no_header_reply, 4\""});
}

TEST_CASE("DNS lists, access lists and interfaces of the tests of strangers are checked") {
  check_refused({
      {"postscreen_dnsbl_sites = \"bl.example.org*2, bl.example.com*many\"",
       "\"bl.example.com*many\" has no number behind the *"},
      {"postscreen_access_list = \"permit_mynetworks, deny\"",
       "\"deny\" is none of: permit_mynetworks, permit, reject"},
      {"postscreen_allowlist_interfaces = \"!192.0.2.300, static:all\"",
       "\"!192.0.2.300\" is no address of this host"},
      {"postscreen_denylist_action = \"kill\"", "ignore, enforce, drop"},
  });
  CHECK(told("postscreen_access_list = \"permit_mynetworks, cidr:/etc/access\"") == "");
  CHECK(told("postscreen_allowlist_interfaces = \"!192.0.2.3, static:all\"") == "");
}

TEST_CASE("the older names of postscreen's settings count where the newer are not set") {
  auto config = Config::parse(
      "postscreen_blacklist_action = \"drop\"\npostscreen_dnsbl_ttl = \"2h\"\n"
      "postscreen_dnsbl_whitelist_threshold = -3\npostscreen_whitelist_interfaces = \"192.0.2.7\"",
      on_a_host());
  REQUIRE(config);
  CHECK((*config)->postscreen_denylist_action == "drop");
  CHECK((*config)->postscreen_dnsbl_max_ttl == std::chrono::hours(2));
  CHECK((*config)->postscreen_dnsbl_allowlist_threshold == -3);
  CHECK((*config)->postscreen_allowlist_interfaces == std::vector<std::string>{"192.0.2.7"});
  auto defaults = Config::parse("", on_a_host());
  REQUIRE(defaults);
  CHECK((*defaults)->postscreen_denylist_action == "ignore");
  CHECK((*defaults)->postscreen_dnsbl_max_ttl == std::chrono::hours(1));
  CHECK((*defaults)->postscreen_dnsbl_allowlist_threshold == 0);
  CHECK((*defaults)->postscreen_allowlist_interfaces == std::vector<std::string>{"static:all"});
}
