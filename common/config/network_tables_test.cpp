#include "common/config/network_tables.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/config/parameter.h"
#include "common/config/tables.h"
#include "common/config/value_check.h"

using namespace pennypost;

namespace {

LoadOptions on_a_host() {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  return options;
}

Result<std::vector<std::string>> networks_in(const TableRef& table) {
  if (table.name == "/large") return std::vector<std::string>(10'000, "192.0.2.0/24");
  if (table.name == "/broken") return Error::temporary("/broken: no such file");
  return std::vector<std::string>{"192.0.2.1", "2001:db8::/32"};
}

std::shared_ptr<const Config> parsed(const std::string& toml) {
  auto config = Config::parse(toml, on_a_host());
  REQUIRE_MESSAGE(config, (config ? "" : config.error().text()));
  return *std::move(config);
}

/// What lists of names, addresses or networks a setting may be, and lists of other things.
const std::vector<std::string_view> other_lists{
    "alias_database",              // tables alone
    "arc_trusted_sealers",         // names for a process that can open no file
    "defer_transports",            // transports
    "dns_servers",                 // addresses of servers, tried in order
    "imap_special_use",            // names of folders
    "imapsieve_scripts",           // mailboxes and files
    "inet_interfaces",             // where sockets are bound; as in Postfix no tables
    "lmtp_discard_lhlo_keywords",  // as smtp_'s
    "lmtp_fallback_relay",
    "lmtp_requiretls_policy",  // a list of its own kind
    "lmtp_tls_chain_files",
    "lmtp_tls_exclude_ciphers",
    "lmtp_tls_fingerprint_cert_match",  // fingerprints
    "lmtp_tls_mandatory_exclude_ciphers",
    "lmtp_tls_secure_cert_match",  // names, and words for names
    "lmtp_tls_trust_anchor_file",  // files
    "lmtp_tls_verify_cert_match",
    "mail_access_groups",               // groups of the system
    "masquerade_domains",               // an ordered list; as in Postfix no tables
    "message_drop_headers",             // names of fields
    "milter_macro_defaults",            // name=value
    "namespace_aliases",                // prefixes of names
    "newaliases_maps",                  // tables alone
    "non_smtpd_milters",                // places of servers, as smtpd_milters
    "outgoing_limit_exempt_users",      // logins
    "postscreen_access_list",           // a list of its own kind
    "postscreen_allowlist_interfaces",  // addresses of this host
    "postscreen_dnsbl_sites",           // zones of DNS
    "proxy_interfaces",                 // this host's addresses; as in Postfix no tables
    "quota_warning",                    // thresholds
    "sieve_after",                      // scripts
    "sieve_before",
    "sieve_virustest_text_values",  // name=value
    "smtp_discard_ehlo_keywords",   // keywords
    "smtp_fallback_relay",          // next hops, tried in order
    "smtp_requiretls_policy",       // a list of its own kind
    "smtp_tls_chain_files",         // files
    "smtp_tls_exclude_ciphers",     // ciphers
    "smtp_tls_fingerprint_cert_match",
    "smtp_tls_mandatory_exclude_ciphers",
    "smtp_tls_secure_cert_match",
    "smtp_tls_trust_anchor_file",
    "smtp_tls_verify_cert_match",
    "smtpd_discard_ehlo_keywords",
    "smtpd_forbidden_commands",  // commands
    "smtpd_milters",
    "smtpd_noop_commands",
    "smtpd_restriction_classes",  // names of settings
    "smtpd_tls_chain_files",
    "smtpd_tls_exclude_ciphers",
    "smtpd_tls_mandatory_exclude_ciphers",
};

}  // namespace

TEST_CASE(
    "every setting that lists domains, networks or clients' addresses takes tables of each type") {
  std::size_t taking = 0;
  for (const auto& parameter : parameters()) {
    bool is_of_words = parameter.range.choices != nullptr;
    if (parameter.kind != "List" || is_of_words) continue;
    if (std::ranges::find(other_lists, parameter.name) != other_lists.end()) continue;
    ++taking;
    for (const char* table : {"hash:/etc/t", "texthash:/etc/t", "/etc/t", "!hash:/etc/t",
                              "inline:{192.0.2.1=x}", "cidr:/etc/t", "ldap:/etc/t"}) {
      CAPTURE(parameter.name);
      CAPTURE(table);
      auto config =
          Config::parse(std::string(parameter.name) + " = \"" + table + "\"\n", on_a_host());
      CHECK_MESSAGE(config, (config ? "" : config.error().text()));
      if (!config) continue;
      auto found = tables_in(**config);
      CHECK(std::ranges::any_of(
          found, [&](const NamedTable& one) { return one.parameter == parameter.name; }));
    }
  }
  CHECK(taking == 22);
}

TEST_CASE("tables in lists of networks are replaced by what they hold, in their place") {
  for (std::string_view name : network_settings()) {
    if (name == "mynetworks") continue;
    CAPTURE(name);
    auto config = parsed(std::string(name) + " = \"10.0.0.0/8, !hash:/t, /list, 127.0.0.1\"\n");
    auto made = with_networks_read(config, networks_in);
    REQUIRE(made);
    CHECK((*made)->text(name) ==
          "10.0.0.0/8, !192.0.2.1, !2001:db8::/32, 192.0.2.1, 2001:db8::/32, 127.0.0.1");
    CHECK((*made)->where(name) == config->where(name));
  }
}

TEST_CASE("a configuration without tables in lists of networks stays the same one") {
  auto config = parsed(
      "mynetworks = \"hash:/t\"\nsmtpd_client_event_limit_exceptions = \"10.0.0.1\"\n"
      "login_client_event_limit_exceptions = \"\"\nauthorized_verp_clients = \"\"\n");
  CHECK(*with_networks_read(config, networks_in) == config);
}

TEST_CASE("a service's own list of networks may have tables as well") {
  auto config = parsed("[service.submission]\nsmtpd_sasl_exceptions_networks = \"hash:/t\"\n");
  auto made = with_networks_read(config, networks_in);
  REQUIRE(made);
  CHECK((*made)->text("smtpd_sasl_exceptions_networks", Service::Submission) ==
        "192.0.2.1, 2001:db8::/32");
  CHECK((*made)->text("smtpd_sasl_exceptions_networks") == "");
}

TEST_CASE("a table of networks that can't be read, or is too large, is named with its setting") {
  auto broken =
      with_networks_read(parsed("\nsmtpd_proxy_networks = \"hash:/broken\"\n"), networks_in);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().text().find("main.toml:2: smtpd_proxy_networks: /broken: no such file") !=
        std::string::npos);
  auto large = with_networks_read(parsed("smtpd_proxy_networks = \"hash:/large\"\n"), networks_in);
  REQUIRE_FALSE(large);
  CHECK(large.error().text().find("more than 65536 characters") != std::string::npos);
  // The exceptions that are $mynetworks by default do not prevent a start.
  auto kept = with_networks_read(parsed("mynetworks = \"hash:/broken\"\n"), networks_in);
  REQUIRE(kept);
  CHECK((*kept)->text("smtpd_client_event_limit_exceptions") == "hash:/broken");
}
