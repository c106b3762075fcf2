#include "common/config/client_settings.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/crypto/random.h"
#include "common/mail/address.h"

namespace pennypost::client_settings {
namespace {

constexpr std::string_view xml_head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
constexpr std::string_view xml_type = "text/xml; charset=utf-8";

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

bool has_tls(const Config& config, Service service) {
  const Settings& settings = config.at(service);
  if (service == Service::Submission || service == Service::Submissions) {
    bool has_certificate =
        !settings.smtpd_tls_cert_file.empty() || !settings.smtpd_tls_chain_files.empty();
    return has_certificate && settings.smtpd_tls_security_level != "none";
  }
  return !settings.ssl_cert.empty() && settings.ssl != "no";
}

/// A UUID (RFC 9562, version 8) that is the same each time, so that a profile installed again
/// replaces the old one.
std::string stable_uuid(std::string_view of) {
  std::string hex = hex_encode(sha256(std::string("pennypost profile ").append(of)).substr(0, 16));
  hex[12] = '8';
  hex[16] = '8';
  return upper(hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
               hex.substr(16, 4) + "-" + hex.substr(20));
}

/// The services that one daemon offers together.
std::vector<Service> kind_of(Service service) {
  if (is_smtp(service)) return {Service::Smtp, Service::Submission, Service::Submissions};
  if (service == Service::Sieve) return {Service::Sieve};
  bool is_pop = service == Service::Pop3 || service == Service::Pop3s;
  return is_pop ? std::vector{Service::Pop3, Service::Pop3s}
                : std::vector{Service::Imap, Service::Imaps};
}

const Server* first_of(const std::vector<Server>& all, std::string_view protocol) {
  auto found = std::ranges::find(all, protocol, &Server::protocol);
  return found == all.end() ? nullptr : &*found;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto digit = [&](std::size_t at) -> int {
      if (at >= text.size()) return -1;
      char c = to_lower(text[at]);
      if (is_digit(c)) return c - '0';
      return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    if (text[i] == '%' && digit(i + 1) >= 0 && digit(i + 2) >= 0) {
      out += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

/// The address in the form that may be put into a file; nothing if it is none.
std::optional<std::string> checked(std::string_view text) {
  if (text.size() > address_bytes_max) return std::nullopt;
  auto address = MailAddress::parse(trim(text), Utf8::Allowed);
  if (!address || address->is_null() || !address->domain() || address->domain()->is_literal()) {
    return std::nullopt;
  }
  return std::string(trim(text));
}

std::optional<std::string> address_in_query(std::string_view query) {
  for (auto pair : split(query, '&')) {
    auto equals = pair.find('=');
    if (equals == pair.npos || !equal_nocase(pair.substr(0, equals), "emailaddress")) continue;
    std::string value = percent_decoded(pair.substr(equals + 1));
    // Not decoded by some clients: a `+` is one of the address.
    if (value.find(' ') != value.npos) std::ranges::replace(value, ' ', '+');
    return checked(value);
  }
  return std::nullopt;
}

/// The text of EMailAddress in Outlook's request; the first one, without looking at the rest.
std::optional<std::string> address_in_request(std::string_view body) {
  constexpr std::string_view begin = "<EMailAddress>";
  auto from = find_nocase(body, begin);
  if (body.size() > request_bytes_max || from == body.npos) return std::nullopt;
  auto rest = body.substr(from + begin.size());
  return checked(rest.substr(0, rest.find('<')));
}

std::string domain_of(std::string_view address) {
  return std::string(address.substr(address.rfind('@') + 1));
}

std::string plist_key(std::string_view key, std::string_view value) {
  std::string out = "<key>";
  add(out, key, "</key><string>", escaped(value), "</string>\n");
  return out;
}

std::string plist_server(std::string_view direction, const Server& server,
                         std::string_view address) {
  std::string prefix(direction);
  std::string out = plist_key(prefix + "MailServerHostName", server.host);
  add(out, "<key>", prefix, "MailServerPortNumber</key><integer>", std::to_string(server.port),
      "</integer>\n<key>", prefix, "MailServerUseSSL</key><true/>\n");
  out += plist_key(prefix + "MailServerAuthentication", "EmailAuthPassword");
  if (!address.empty()) out += plist_key(prefix + "MailServerUsername", address);
  return out;
}

}  // namespace

std::vector<Server> servers(const Config& config) {
  struct Row {
    Service service;
    const char* protocol;
  };
  constexpr Row rows[] = {{Service::Imaps, "imap"},       {Service::Imap, "imap"},
                          {Service::Pop3s, "pop3"},       {Service::Pop3, "pop3"},
                          {Service::Submissions, "smtp"}, {Service::Submission, "smtp"}};
  std::vector<Server> found;
  for (const auto& [service, protocol] : rows) {
    bool is_open = config.port(service) != 0 && !why_not_here(config, kind_of(service));
    if (!is_open || !has_tls(config, service)) continue;
    found.push_back({protocol, config.myhostname, config.port(service), is_implicit_tls(service)});
  }
  return found;
}

std::string autoconfig(const Config& config, const std::vector<std::string>& domains) {
  std::string id = domains.empty() ? config.mydomain : domains.front();
  std::string out(xml_head);
  add(out, "<clientConfig version=\"1.1\">\n  <emailProvider id=\"", escaped(id), "\">\n");
  for (const auto& domain : domains) add(out, "    <domain>", escaped(domain), "</domain>\n");
  add(out, "    <displayName>", escaped(id), "</displayName>\n    <displayShortName>", escaped(id),
      "</displayShortName>\n");
  for (const auto& server : servers(config)) {
    std::string element = server.protocol == "smtp" ? "outgoingServer" : "incomingServer";
    add(out, "    <", element, " type=\"", server.protocol, "\">\n      <hostname>",
        escaped(server.host), "</hostname>\n      <port>", std::to_string(server.port),
        "</port>\n      <socketType>", server.is_implicit_tls ? "SSL" : "STARTTLS",
        "</socketType>\n      <authentication>password-cleartext</authentication>\n"
        "      <username>%EMAILADDRESS%</username>\n    </",
        element, ">\n");
  }
  return out + "  </emailProvider>\n</clientConfig>\n";
}

std::string autodiscover(const Config& config, std::string_view address) {
  std::string out(xml_head);
  out +=
      "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/"
      "2006\">\n"
      "  <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
      "responseschema/2006a\">\n"
      "    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n";
  for (const auto& server : servers(config)) {
    add(out, "      <Protocol>\n        <Type>", upper(server.protocol),
        "</Type>\n        <Server>", escaped(server.host), "</Server>\n        <Port>",
        std::to_string(server.port), "</Port>\n");
    if (!address.empty()) add(out, "        <LoginName>", escaped(address), "</LoginName>\n");
    add(out, "        <SPA>off</SPA>\n        <SSL>on</SSL>\n        <Encryption>",
        server.is_implicit_tls ? "SSL" : "TLS", "</Encryption>\n        <AuthRequired>on",
        "</AuthRequired>\n");
    if (server.protocol == "smtp") out += "        <UsePOPAuth>on</UsePOPAuth>\n";
    out += "      </Protocol>\n";
  }
  return out + "    </Account>\n  </Response>\n</Autodiscover>\n";
}

std::string mobileconfig(const Config& config, std::string_view domain, std::string_view address) {
  auto all = servers(config);
  const Server* incoming = first_of(all, "imap");
  if (incoming == nullptr) incoming = first_of(all, "pop3");
  const Server* outgoing = first_of(all, "smtp");
  std::string name = address.empty() ? std::string(domain) : std::string(address);
  std::string out(xml_head);
  out +=
      "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
      "<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n";
  if (incoming != nullptr && outgoing != nullptr) {
    out += "<dict>\n" + plist_key("EmailAccountType",
                                  incoming->protocol == "imap" ? "EmailTypeIMAP" : "EmailTypePOP");
    out += plist_key("EmailAccountDescription", name);
    if (!address.empty()) out += plist_key("EmailAddress", address);
    out += plist_server("Incoming", *incoming, address);
    out += plist_server("Outgoing", *outgoing, address);
    out += "<key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n";
    out += plist_key("PayloadDisplayName", name);
    out += plist_key("PayloadIdentifier", config.myhostname + ".mail." + name + ".account");
    out += plist_key("PayloadType", "com.apple.mail.managed");
    out += plist_key("PayloadUUID", stable_uuid("account " + name));
    out += "<key>PayloadVersion</key><integer>1</integer>\n</dict>\n";
  }
  out += "</array>\n" + plist_key("PayloadDisplayName", "Mail of " + name);
  out += plist_key("PayloadIdentifier", config.myhostname + ".mail." + name);
  out += plist_key("PayloadType", "Configuration");
  out += plist_key("PayloadUUID", stable_uuid("profile " + name));
  return out + "<key>PayloadVersion</key><integer>1</integer>\n</dict>\n</plist>\n";
}

std::optional<Answer> answer(const Config& config, std::string_view path, std::string_view query,
                             std::string_view body) {
  if (servers(config).empty()) return std::nullopt;
  if (path == "/mail/config-v1.1.xml" || path == "/.well-known/autoconfig/mail/config-v1.1.xml") {
    auto address = address_in_query(query);
    std::string domain = address ? domain_of(*address) : config.mydomain;
    return Answer{std::string(xml_type), autoconfig(config, {domain})};
  }
  if (equal_nocase(path, "/autodiscover/autodiscover.xml")) {
    auto address = address_in_request(body);
    if (!address) return std::nullopt;
    return Answer{std::string(xml_type), autodiscover(config, *address)};
  }
  if (path == "/mail/config.mobileconfig") {
    auto address = address_in_query(query);
    if (!address) return std::nullopt;
    return Answer{"application/x-apple-aspen-config",
                  mobileconfig(config, domain_of(*address), *address)};
  }
  return std::nullopt;
}

}  // namespace pennypost::client_settings
