#include "smtpd/commands/dns_records.h"

#include <algorithm>

#include "common/config/client_settings.h"
#include "common/net/address.h"
#include "smtpd/commands/daemons.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t name_column = 36;

struct ServiceRecord {
  Service service;
  const char* name;
};
/// In the order of preference that RFC 8314 section 5.1 asks for: implicit TLS first.
constexpr ServiceRecord service_records[] = {{Service::Imaps, "_imaps"},
                                             {Service::Imap, "_imap"},
                                             {Service::Pop3s, "_pop3s"},
                                             {Service::Pop3, "_pop3"},
                                             {Service::Submissions, "_submissions"},
                                             {Service::Submission, "_submission"}};
constexpr std::uint16_t https_port = 443;

bool is_ip6(const std::string& address) { return address.find(':') != address.npos; }

/// The policy of a domain whose mail leaves by this host, and by its relay if it has one.
std::string spf_policy(const Config& config) {
  std::string policy = "\"v=spf1 mx a:" + config.text("myhostname");
  const auto& relayhost = config.text("relayhost");
  if (!relayhost.empty()) {
    std::string host = relayhost;
    std::erase(host, '[');
    host = host.substr(0, host.find_first_of("]:"));
    policy += " a:" + host;
  }
  return policy + " -all\"";
}

/// Who reads what others report: pennypost reports looks where this address leads.
std::string report_address(const Config& config) {
  const auto& recipient = config.report_recipient;
  bool is_whole = recipient.find('@') != recipient.npos;
  return is_whole ? recipient : recipient + "@" + config.mydomain;
}

void add_services(const Config& config, const std::string& host, const std::string& domain,
                  std::vector<DnsRecord>& records) {
  for (const auto& [service, name] : service_records) {
    const auto port = config.port(service);
    const std::string value = port == 0 ? "0 0 0 ." : "0 1 " + std::to_string(port) + " " + host;
    records.push_back({std::string(name) + "._tcp." + domain, "SRV", value,
                       port == 0 ? "clients need not try what this host does not offer"
                                 : "mail clients find the server by the address alone"});
  }
  // RFC 5804 section 1.8. A host without it says nothing: few look for it.
  if (const auto port = config.port(Service::Sieve); port != 0) {
    records.push_back({"_sieve._tcp." + domain, "SRV", "0 1 " + std::to_string(port) + " " + host,
                       "mail clients find where users keep their filters (ManageSieve)"});
  }
}

/// Where Thunderbird and Outlook ask a web server for the settings of an address. Without TLS there
/// is nothing that they could be told.
void add_self_service(const Config& config, const std::string& host, const std::string& domain,
                      std::vector<DnsRecord>& records) {
  if (client_settings::servers(config).empty()) return;
  const char* why =
      "mail clients ask a web server there for their settings; its files: pennypost autoconfig";
  records.push_back({"autoconfig." + domain, "CNAME", host, why});
  records.push_back({"autodiscover." + domain, "CNAME", host, why});
  records.push_back({"_autodiscover._tcp." + domain, "SRV",
                     "0 1 " + std::to_string(https_port) + " " + host, why});
}

}  // namespace

std::string DnsRecord::text() const {
  std::string line = name;
  line.resize(std::max(name_column, line.size() + 1), ' ');
  return line + type + std::string(type.size() < 5 ? 6 - type.size() : 1, ' ') + value;
}

std::vector<DnsRecord> dns_records(const Config& config,
                                   const std::vector<std::string>& addresses) {
  const std::string host = config.text("myhostname") + ".";
  const std::string domain = config.text("mydomain") + ".";
  std::vector<DnsRecord> records;
  for (const auto& address : addresses) {
    records.push_back({host, is_ip6(address) ? "AAAA" : "A", address,
                       "other servers reach this host by its name"});
  }
  for (const auto& address : addresses) {
    auto parsed = IpAddress::parse(address);
    if (!parsed) continue;
    records.push_back({parsed->reverse_name() + ".", "PTR", host,
                       "large receivers refuse mail from addresses without a name; ask your "
                       "provider"});
  }
  if (config.role == Role::NullClient) return records;
  records.push_back({domain, "MX", "10 " + host, "mail to the domain comes here"});
  records.push_back(
      {domain, "TXT", spf_policy(config), "says which hosts send mail of the domain (SPF)"});
  records.push_back({"_dmarc." + domain, "TXT",
                     "\"v=DMARC1; p=none; rua=mailto:" + report_address(config) + "\"",
                     "asks receivers for reports; p=reject once they show that all is well"});
  records.push_back({"_smtp._tls." + domain, "TXT",
                     "\"v=TLSRPTv1; rua=mailto:" + report_address(config) + "\"",
                     "asks senders to tell when they can't encrypt; pennypost reports shows it"});
  if (config.role == Role::Destination) {
    add_services(config, host, domain, records);
    add_self_service(config, host, domain, records);
  }
  return records;
}

}  // namespace pennypost::smtp
