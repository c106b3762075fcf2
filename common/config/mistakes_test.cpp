// What people get wrong most in a mail host's settings: each is found before a daemon starts, with
// the line, the setting, and what to do.
#include <doctest/doctest.h>

#include "common/config/config.h"

using namespace pennypost;

namespace {

/// All that a check says, errors or warnings.
std::string said_of(const std::string& toml) {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  auto config = Config::parse(toml, options);
  if (!config) return config.error().text();
  std::string all;
  for (const auto& warning : (*config)->warnings()) all += warning + "\n";
  return all;
}

struct Mistake {
  const char* toml;
  const char* where;   // line and setting
  const char* remedy;  // a part of the text that says what would be right
};

constexpr Mistake mistakes[] = {
    // Names and notation
    {"relay_host = \"a.test\"", "main.toml:1: ", "relayhost"},
    {"myhostnme = \"a.test\"", "main.toml:1: ", "myhostname"},
    {"Myhostname = \"mail.a.test\"", "main.toml:1: ", "myhostname"},
    {"myhostname = mail.a.test", "main.toml:1", "\"mail.a.test\""},
    {"myhostname: \"mail.a.test\"", "main.toml:1", "="},
    {"mydomain = \"a.test\"\nmydomain = \"b.test\"", "main.toml:2", "mydomain"},
    {"myhostname = \"mail\"", "main.toml:1: myhostname", "mail.example.com"},
    {"myhostname = \"mail_1.-a.test\"", "main.toml:1: myhostname", "mail.example.com"},
    {"smtpd_timeout = \"5 minutes\"", "main.toml:1: smtpd_timeout", "300s"},
    {"message_size_limit = \"10 MB\"", "main.toml:1: message_size_limit", "10M"},
    {"smtp_port = 70000", "main.toml:1: smtp_port", "65535"},
    {"smtpd_tls_auth_only = \"sometimes\"", "main.toml:1: smtpd_tls_auth_only", "yes"},
    {"role = \"server\"", "main.toml:1: role", "destination"},
    {"alias_maps = \"hsah:/etc/aliases\"", "main.toml:1: alias_maps", "hash"},
    {"alias_maps = \"hash:aliases\"", "main.toml:1: alias_maps", "/"},
    {"virtual_alias_maps = \"hash:$nowhere/virtual\"", "main.toml:1: virtual_alias_maps",
     "nowhere"},
    {"mynetworks = \"10.0.0.1/8\"", "main.toml:1: mynetworks", "10.0.0.0/8"},
    {"mynetworks = \"10.0.0\"", "main.toml:1: mynetworks", "10.0.0"},
    {"smtpd_recipient_restrictions = \"permit_mynetwork, reject\"",
     "main.toml:1: smtpd_recipient_restrictions", "did you mean permit_mynetworks?"},
    {"smtp_tls_security_level = \"must\"", "main.toml:1: smtp_tls_security_level", "encrypt"},
    {"protocols = \"imap, pop\"", "main.toml:1: protocols", "pop3"},
    {"mail_location = \"~/Maildir\"", "main.toml:1: mail_location", "maildir:"},
    {"[service.smtps]\nsmtpd_timeout = \"5s\"", "main.toml:", "submissions"},
    {"mydestination = \"example.com, user@example.com\"", "main.toml:1: mydestination",
     "neither a domain nor a table"},
    // Contradictions
    {"role = \"null-client\"", "relayhost", "[smtp.example.com]"},
    {"role = \"null-client\"\nrelayhost = \"[a.test]\"\nmydestination = \"b.test\"",
     "main.toml:3: mydestination", "role = \"destination\""},
    {"role = \"null-client\"\nrelayhost = \"[a.test]\"\ninet_interfaces = \"all\"",
     "main.toml:3: inet_interfaces", "loopback-only"},
    {"submission_port = 25", "main.toml:1: submission_port", "smtp_port"},
    {"imaps_port = 993\nrole = \"destination\"", "main.toml:1: imaps_port", "ssl_cert"},
    {"smtpd_banner = \"welcome\"", "main.toml:1: smtpd_banner", "$myhostname"},
    {"mydestination = \"a.test\"\nvirtual_mailbox_domains = \"a.test\"",
     "main.toml:2: virtual_mailbox_domains", "remove it from one of them"},
    {"minimal_backoff_time = \"2h\"", "main.toml:1: minimal_backoff_time", "maximal_backoff_time"},
    // What most people regret
    {"mynetworks = \"0.0.0.0/0\"", "main.toml:1: mynetworks", "write your own networks"},
    {"mynetworks_style = \"class\"", "main.toml:1: mynetworks_style", "write host"},
    {"relayhost = \"[mail.example.com]\"", "main.toml:1: relayhost", "name the host"},
    {"mydomain = \"co.uk\"", "main.toml:1: mydomain", "write your own"},
    {"role = \"destination\"\nssl_cert = \"/c\"\ndisable_plaintext_auth = false",
     "main.toml:3: disable_plaintext_auth", "remove it"},
    {"role = \"relay\"\nsmtpd_sasl_auth_enable = true\n[service.submission]\n"
     "smtpd_tls_auth_only = false",
     "main.toml:4: smtpd_tls_auth_only", "remove it"},
    {"smtp_sasl_auth_enable = true\nsmtp_sasl_security_options = \"noanonymous\"",
     "main.toml:2: smtp_sasl_security_options", "encrypt"},
    {"smtp_tls_security_level = \"none\"", "main.toml:1: smtp_tls_security_level", "write may"},
    {"role = \"relay\"\nsmtpd_tls_security_level = \"none\"",
     "main.toml:2: smtpd_tls_security_level", "write may"},
    {"soft_bounce = true", "main.toml:1: soft_bounce", "remove it"},
    {"role = \"destination\"\nsmtpd_reject_unlisted_recipient = false",
     "main.toml:2: smtpd_reject_unlisted_recipient", "remove it"},
    // What has no effect
    {"smtp_sasl_password_maps = \"hash:/p\"", "main.toml:1: smtp_sasl_password_maps",
     "smtp_sasl_auth_enable = true"},
    {"relay_recipient_maps = \"hash:/r\"", "main.toml:1: relay_recipient_maps", "relay_domains"},
    {"smtpd_tls_key_file = \"/k\"", "main.toml:1: smtpd_tls_key_file", "smtpd_tls_cert_file"},
    {"ssl_key = \"/k\"\nrole = \"destination\"", "main.toml:1: ssl_key", "ssl_cert"},
    {"dkim_key_directory = \"/keys\"", "main.toml:1: dkim_key_directory", "dkim_signing = true"},
    {"virtual_alias_domains = \"a.test\"", "main.toml:1: virtual_alias_domains",
     "virtual_alias_maps"},
    {"role = \"relay\"\nimap_idle_timeout = \"10m\"", "main.toml:2: imap_idle_timeout",
     "role = \"destination\""},
    {"role = \"destination\"\nprotocols = \"imap\"\npop3_lock_session = true",
     "main.toml:3: pop3_lock_session", "protocols"},
    {"alias_database = \"hash:/etc/mail/aliases\"", "main.toml:1: alias_database", "alias_maps"},
};

}  // namespace

TEST_CASE("what people get wrong most is found, with the line, the setting, and what to do") {
  CHECK(std::size(mistakes) >= 40);
  for (const auto& mistake : mistakes) {
    const std::string toml = mistake.toml;
    CAPTURE(toml);
    std::string said = said_of(toml);
    CAPTURE(said);
    std::string line;
    std::size_t at = said.find(mistake.where);
    CHECK(at != said.npos);
    if (at != said.npos) line = said.substr(at, said.find('\n', at) - at);
    CHECK(line.find(mistake.remedy, std::string_view(mistake.where).size()) != line.npos);
  }
}

TEST_CASE("what is off for one service and on for another has an effect") {
  CHECK(said_of("smtp_sasl_password_maps = \"hash:/p\"\nsmtp_sasl_auth_enable = true")
            .find("no effect") == std::string::npos);
  CHECK(said_of("alias_database = \"hash:/a\"\nalias_maps = \"hash:/a\"").find("no effect") ==
        std::string::npos);
  CHECK(said_of("smtpd_tls_key_file = \"/k\"\n[service.submission]\nsmtpd_tls_cert_file = \"/c\"")
            .find("no effect") == std::string::npos);
}
