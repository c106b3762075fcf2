#include "common/config/client_settings.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

std::shared_ptr<const Config> host(const std::string& more) {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  auto config =
      Config::parse("role = \"destination\"\nmydomain = \"example.com\"\n" + more, options);
  REQUIRE(config);
  return *config;
}
const std::string with_tls =
    "ssl_cert = \"/c.pem\"\nssl_key = \"/c.key\"\n"
    "smtpd_tls_cert_file = \"/c.pem\"\nsmtpd_tls_key_file = \"/c.key\"\n";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string ports(const Config& config) {
  std::string out;
  for (const auto& server : client_settings::servers(config)) {
    out += server.protocol + ":" + std::to_string(server.port) +
           (server.is_implicit_tls ? " " : "/starttls ");
  }
  return out;
}

std::string asked(const Config& config, std::string_view path, std::string_view query,
                  std::string_view body = "") {
  auto answer = client_settings::answer(config, path, query, body);
  return answer ? answer->body : "nothing";
}

}  // namespace

TEST_CASE(
    "clients are told of the ports that are open, implicit TLS first, and of none in the clear") {
  CHECK(ports(*host(with_tls)) ==
        "imap:993 imap:143/starttls pop3:995 pop3:110/starttls smtp:465 smtp:587/starttls ");
  CHECK(ports(*host(with_tls + "protocols = \"imap\"\nimap_port = 0\nsubmission_port = 0")) ==
        "imap:993 smtp:465 ");
  CHECK(ports(*host("")).empty());
  CHECK(ports(*host(with_tls + "ssl = \"no\"")) == "smtp:465 smtp:587/starttls ");
}

TEST_CASE("Thunderbird is told the servers for the domain of its address") {
  auto config = host(with_tls);
  auto xml = asked(*config, "/mail/config-v1.1.xml", "emailaddress=bob%40sub.example.com");
  CHECK(contains(xml, "<emailProvider id=\"sub.example.com\">"));
  CHECK(contains(xml, "<domain>sub.example.com</domain>"));
  CHECK(contains(xml,
                 "<incomingServer type=\"imap\">\n      <hostname>mail.example.com</hostname>\n"
                 "      <port>993</port>\n      <socketType>SSL</socketType>"));
  CHECK(contains(xml, "<username>%EMAILADDRESS%</username>"));
  CHECK(xml.find("993") < xml.find("143"));
  CHECK(contains(asked(*config, "/.well-known/autoconfig/mail/config-v1.1.xml", ""),
                 "<domain>example.com</domain>"));
}

TEST_CASE("Outlook is told the servers, and the login it has asked with") {
  auto config = host(with_tls);
  std::string request =
      "<?xml version=\"1.0\"?><Autodiscover><Request><EMailAddress> bob@example.com </EMailAddress>"
      "</Request></Autodiscover>";
  auto xml = asked(*config, "/Autodiscover/Autodiscover.xml", "", request);
  CHECK(contains(xml,
                 "<Type>IMAP</Type>\n        <Server>mail.example.com</Server>\n"
                 "        <Port>993</Port>\n        <LoginName>bob@example.com</LoginName>"));
  CHECK(contains(xml, "<Type>SMTP</Type>"));
  CHECK(asked(*config, "/autodiscover/autodiscover.xml", "", "") == "nothing");
}

TEST_CASE("an Apple profile is the same each time, so that it replaces the one before") {
  auto config = host(with_tls);
  auto one = asked(*config, "/mail/config.mobileconfig", "emailaddress=bob@example.com");
  CHECK(contains(one, "<key>IncomingMailServerPortNumber</key><integer>993</integer>"));
  CHECK(contains(one, "<key>EmailAddress</key><string>bob@example.com</string>"));
  CHECK(one == asked(*config, "/mail/config.mobileconfig", "EmailAddress=bob%40example.com"));
  CHECK(one != asked(*config, "/mail/config.mobileconfig", "emailaddress=eve@example.com"));
}

TEST_CASE("what is no address is answered with nothing, and an address can't bring markup along") {
  auto config = host(with_tls);
  for (const char* query : {"", "emailaddress=", "emailaddress=bob", "emailaddress=a@[192.0.2.1]",
                            "emailaddress=<b>@example.com", "emailaddress=%00@example.com"}) {
    CAPTURE(query);
    CHECK(asked(*config, "/mail/config.mobileconfig", query) == "nothing");
  }
  auto quoted =
      asked(*config, "/mail/config.mobileconfig", "emailaddress=%22%3Cx%3E%26%22@example.com");
  CHECK_FALSE(contains(quoted, "<x>"));
  CHECK(asked(*config, "/mail/config.mobileconfig",
              "emailaddress=" + std::string(400, 'a') + "@example.com") == "nothing");
  CHECK(asked(*config, "/etc/passwd", "emailaddress=bob@example.com") == "nothing");
  CHECK(asked(*host(""), "/mail/config-v1.1.xml", "emailaddress=bob@example.com") == "nothing");
}
