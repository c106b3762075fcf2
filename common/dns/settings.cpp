#include "common/dns/settings.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/dns/message.h"

namespace pennypost {
namespace {

constexpr std::uint64_t system_file_bytes_max = 1 << 20;

/// The words of each line before a comment.
template <class Function>
void each_line(std::string_view text, std::string_view comment_marks, Function function) {
  for (auto line : split(text, '\n')) {
    line = line.substr(0, line.find_first_of(comment_marks));
    auto fields = words(line, " \t\r");
    if (!fields.empty()) function(fields);
  }
}

}  // namespace

DnsSettings DnsSettings::from(const Config& config,
                              const std::map<std::string, std::string>& files) {
  DnsSettings settings;
  for (const auto& text : config.dns_servers) {
    auto server = parse_dns_server(text);
    if (server) settings.servers.push_back(*server);
  }
  auto contents = [&](const char* path) {
    auto found = files.find(path);
    return found == files.end() ? std::string_view() : std::string_view(found->second);
  };
  if (settings.servers.empty()) settings.servers = parse_resolv_conf(contents("/etc/resolv.conf"));
  if (settings.servers.empty()) settings.servers.emplace_back(IpAddress::loopback4(), dns_port);
  bool are_here = std::ranges::all_of(
      settings.servers, [](const Endpoint& server) { return server.address().is_loopback(); });
  bool is_named_safe =
      config.dns_servers.empty() && pennypost::trusts_ad(contents("/etc/resolv.conf"));
  settings.trusts_ad = config.dns_trust_ad == "yes" ||
                       (config.dns_trust_ad == "auto" && (are_here || is_named_safe));
  settings.hosts = parse_hosts(contents("/etc/hosts"));
  settings.timeout = config.dns_timeout;
  settings.tries = static_cast<int>(config.dns_tries);
  // The time for all rounds over all servers, with the timeout doubling each round.
  settings.deadline =
      settings.timeout * static_cast<int>(settings.servers.size()) * ((1 << settings.tries) - 1);
  settings.deadline = std::min(settings.deadline, dns_deadline_max);
  settings.ttl_max = config.dns_cache_ttl_max;
  settings.cache_entries_max = config.dns_cache_entries_max;
  return settings;
}

DnsSettings DnsSettings::of_system(const Config& config) {
  std::map<std::string, std::string> files;
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) {
    auto text = read_file(path, system_file_bytes_max);
    if (text && *text) files[path] = **text;
  }
  return from(config, files);
}

bool trusts_ad(std::string_view resolv_conf) {
  bool is_set = false;
  each_line(resolv_conf, "#;", [&](const std::vector<std::string_view>& fields) {
    if (fields[0] != "options") return;
    if (std::ranges::find(fields, "trust-ad") != fields.end()) is_set = true;
  });
  return is_set;
}

std::vector<Endpoint> parse_resolv_conf(std::string_view text) {
  std::vector<Endpoint> servers;
  each_line(text, "#;", [&](const std::vector<std::string_view>& fields) {
    if (fields[0] != "nameserver" || fields.size() < 2) return;
    auto address = IpAddress::parse(fields[1]);
    if (address && servers.size() < dns_servers_max) servers.emplace_back(*address, dns_port);
  });
  return servers;
}

HostsTable parse_hosts(std::string_view text) {
  HostsTable table;
  each_line(text, "#", [&](const std::vector<std::string_view>& fields) {
    auto address = IpAddress::parse(fields[0]);
    if (!address) return;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      if (!is_host_name(fields[i]) || table.addresses.size() >= hosts_entries_max) continue;
      std::string name = lower(fields[i]);
      table.names.emplace(*address, name);
      table.addresses.emplace(std::move(name), *address);
    }
  });
  return table;
}

Result<Endpoint> parse_dns_server(std::string_view text) {
  auto whole = IpAddress::parse(text);
  if (whole) return Endpoint(*whole, dns_port);
  auto colon = text.rfind(':');
  std::string mistake = "bad name server " + printable(text, 80) +
                        ": expected 192.0.2.53, 192.0.2.53:53 or [2001:db8::53]:53";
  if (colon == std::string_view::npos) return Error(501, mistake);
  auto address = IpAddress::parse(text.substr(0, colon));
  auto port = parse_number(text.substr(colon + 1));
  if (!address || !port || *port == 0 || *port > 65535) return Error(501, mistake);
  return Endpoint(*address, static_cast<std::uint16_t>(*port));
}

}  // namespace pennypost
