#include "smtpd/delivery/targets.h"

#include <sys/random.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/system.h"

namespace pennypost::smtp {
namespace {

constexpr EnhancedStatus loop_status = "5.4.6";
constexpr std::uint16_t smtp_port_of_all = 25;

std::uint32_t system_random(std::uint32_t bound) {
  std::uint32_t number = 0;
  ASSERT(getrandom(&number, sizeof number, 0) == sizeof number);
  return number % bound;
}

Error not_found(const std::string& name, const char* type, DnsStatus status,
                const std::string& reason) {
  std::string text =
      "Name service error for name=" + printable(name, 255) + " type=" + type + ": " + reason;
  if (status == DnsStatus::TryLater) {
    return Error::temporary("4.4.3", "Host or domain name not found. " + text);
  }
  if (status == DnsStatus::NoSuchName) return Error(550, "5.1.2", "Host unknown. " + text);
  return Error(550, "5.4.4", "Host or domain name not found. " + text);
}

/// Puts records of equal preference in random order.
void shuffle_equal(std::vector<MxRecord>& records, const TargetSettings& settings) {
  for (std::size_t begin = 0; begin < records.size();) {
    std::size_t end = begin;
    while (end < records.size() && records[end].preference == records[begin].preference) ++end;
    for (std::size_t i = end; i > begin + 1; --i) {
      auto other = settings.random(static_cast<std::uint32_t>(i - begin));
      std::swap(records[i - 1], records[begin + other]);
    }
    begin = end;
  }
}

/// The order in which to try a host's addresses. By turns, a host is reached within the limit even
/// if one family is broken.
std::vector<IpAddress> ordered(std::vector<IpAddress> addresses,
                               TargetSettings::Preference preference) {
  if (preference != TargetSettings::Preference::ByTurns) {
    bool is_v6_first = preference == TargetSettings::Preference::V6;
    // clang 14 can't compile std::ranges::stable_partition of libstdc++ 12.
    std::stable_partition(addresses.begin(), addresses.end(),
                          [&](const IpAddress& address) { return address.is_v6() == is_v6_first; });
    return addresses;
  }
  std::vector<IpAddress> v6;
  std::vector<IpAddress> v4;
  for (const auto& address : addresses) (address.is_v6() ? v6 : v4).push_back(address);
  std::vector<IpAddress> mixed;
  for (std::size_t i = 0; i < std::max(v4.size(), v6.size()); ++i) {
    if (i < v6.size()) mixed.push_back(v6[i]);
    if (i < v4.size()) mixed.push_back(v4[i]);
  }
  return mixed;
}

Task<DnsAnswer<IpAddress>> host_addresses(Resolver& resolver, std::string name,
                                          const TargetSettings& settings) {
  if (settings.uses_hosts_file) {
    if (settings.uses_dns) co_return co_await resolver.native_addresses(name, settings.families);
    DnsAnswer<IpAddress> answer(DnsStatus::NoData, "Host not found");
    answer.values = resolver.hosts_addresses(name);
    if (!answer.values.empty()) answer.status = DnsStatus::Found;
    co_return answer;
  }
  co_return co_await resolver.addresses(name, settings.families);
}

/// Whether this name and port are our own: myhostname and a port where we listen.
bool is_own_name(const std::string& host, std::uint16_t port, const TargetSettings& settings) {
  return equal_nocase(host, settings.myhostname) &&
         std::ranges::find(settings.own_ports, port) != settings.own_ports.end();
}

Task<Result<std::vector<Target>>> by_address_records(Resolver& resolver, NextHop hop,
                                                     std::uint16_t port,
                                                     const TargetSettings& settings) {
  if (is_own_name(hop.host, port, settings)) co_return loop_error(hop.host);
  auto answer = co_await host_addresses(resolver, hop.host, settings);
  if (!answer.is_found()) co_return not_found(hop.host, "AAAA/A", answer.status, answer.reason);
  std::vector<Target> targets;
  for (const auto& address : ordered(answer.values, settings.preference)) {
    targets.emplace_back(hop.host, Endpoint(address, port));
    targets.back().has_secure_address = answer.is_authentic;
    targets.back().canonical = answer.canonical;
    if (settings.is_own(targets.back().endpoint)) co_return loop_error(hop.host);
  }
  co_return targets;
}

class MxWalk {
 public:
  /// `is_secure`: DNSSEC secures the answer about the domain's MX records.
  MxWalk(Resolver& resolver, std::string domain, std::uint16_t port, bool is_secure,
         const TargetSettings& settings)
      : resolver_(resolver),
        domain_(std::move(domain)),
        port_(port),
        is_secure_(is_secure),
        settings_(settings) {}

  Task<Result<std::vector<Target>>> run(std::vector<MxRecord> records) {
    if (records.size() == 1 && records[0].host.empty()) {
      co_return Error(556, "5.1.10",
                      "Domain " + printable(domain_, 255) + " does not accept mail (nullMX)");
    }
    shuffle_equal(records, settings_);
    if (records.size() > settings_.mx_hosts_max) {
      records.erase(records.begin() + static_cast<std::ptrdiff_t>(settings_.mx_hosts_max),
                    records.end());
    }
    best_preference_ = records.empty() ? 0 : records.front().preference;
    for (const auto& record : records) {
      if (own_preference_ && record.preference >= *own_preference_) break;
      co_await add_host(record);
    }
    if (own_preference_) drop_not_better();
    if (targets_.empty()) co_return why_none();
    std::vector<Target> targets;
    for (auto& [preference, target] : targets_) {
      target.is_backup = preference > best_preference_;
      targets.push_back(std::move(target));
    }
    co_return targets;
  }

 private:
  Task<> add_host(MxRecord record) {
    if (record.host.empty()) co_return;
    bool is_us = is_own_name(record.host, port_, settings_);
    auto literal = IpAddress::parse(record.host);
    DnsAnswer<IpAddress> answer(DnsStatus::Found);
    if (literal) {
      // RFC 1035 does not allow an address here, but some zones have one; Postfix accepts it, too.
      answer.values.push_back(*literal);
    } else if (!is_us) {
      answer = co_await host_addresses(resolver_, record.host, settings_);
    }
    if (answer.status == DnsStatus::TryLater) try_later_ = answer.reason;
    for (const auto& address : ordered(answer.values, settings_.preference)) {
      Endpoint endpoint(address, port_);
      if (settings_.is_own(endpoint)) is_us = true;
      Target target(record.host, endpoint);
      target.is_from_mx = true;
      target.has_secure_mx = is_secure_;
      target.has_secure_address = answer.is_authentic;
      target.canonical = answer.canonical;
      targets_.emplace_back(record.preference, std::move(target));
    }
    if (is_us) own_preference_ = record.preference;
  }
  void drop_not_better() {
    std::erase_if(targets_, [&](const auto& entry) { return entry.first >= *own_preference_; });
  }
  Error why_none() const {
    // A better host may exist, but can't be looked up now: that is no loop.
    if (try_later_) return not_found(domain_, "MX host", DnsStatus::TryLater, *try_later_);
    if (own_preference_) return loop_error(domain_);
    return Error(550, "5.4.4",
                 "none of the mail exchangers of " + printable(domain_, 255) + " has an address");
  }

  Resolver& resolver_;
  std::string domain_;
  std::uint16_t port_;
  bool is_secure_;
  const TargetSettings& settings_;
  std::vector<std::pair<std::uint16_t, Target>> targets_;
  std::optional<std::uint16_t> own_preference_;
  std::uint16_t best_preference_ = 0;
  std::optional<std::string> try_later_;
};

}  // namespace

TargetSettings TargetSettings::from(const Config& config) {
  TargetSettings settings;
  settings.port = config.smtp_target_port;
  bool all = holds(config.inet_protocols, "all");
  settings.families.v4 = all || holds(config.inet_protocols, "ipv4");
  settings.families.v6 = all || holds(config.inet_protocols, "ipv6");
  if (config.smtp_address_preference == "ipv4") {
    settings.preference = TargetSettings::Preference::V4;
  } else if (config.smtp_address_preference == "ipv6") {
    settings.preference = TargetSettings::Preference::V6;
  }
  settings.uses_dns = config.smtp_dns_support_level != "disabled" &&
                      (holds(config.smtp_host_lookup, "dns") || config.smtp_host_lookup.empty());
  settings.uses_hosts_file = !settings.uses_dns || holds(config.smtp_host_lookup, "native");
  settings.mx_hosts_max = config.dns_mx_hosts_max;
  settings.addresses_max = config.smtp_mx_address_limit;
  settings.myhostname = config.myhostname;
  settings.own_ports.clear();
  for (auto port : {config.smtp_port, config.submission_port, config.submissions_port}) {
    if (port != 0) settings.own_ports.push_back(port);
  }
  settings.random = system_random;
  std::vector<IpAddress> own;
  auto add = [&](std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    auto address = IpAddress::parse(text);
    if (address) own.push_back(*address);
  };
  const auto& interfaces = config.at(Service::Smtp).inet_interfaces;
  bool on_all = holds(interfaces, "all");
  bool on_loopback = on_all || holds(interfaces, "loopback-only") || holds(interfaces, "localhost");
  for (const auto& text : config.proxy_interfaces) add(text);
  auto outside = own;
  for (const auto& text : interfaces) add(text);
  if (on_all) {
    for (const auto& interface : System::query().interfaces) add(interface.address);
  }
  settings.is_own = [own, outside, on_all, on_loopback,
                     ports = settings.own_ports](const Endpoint& endpoint) {
    IpAddress address = endpoint.address();
    // A proxy or router in front of us listens at port 25, whatever our own port is.
    bool is_outside = std::ranges::find(outside, address) != outside.end();
    if (is_outside && endpoint.port() == smtp_port_of_all) return true;
    if (std::ranges::find(ports, endpoint.port()) == ports.end()) return false;
    if (on_all && (address.is_loopback() || address.is_unspecified())) return true;
    if (on_loopback && (address.text() == "127.0.0.1" || address.text() == "::1")) return true;
    return std::find(own.begin(), own.end(), address) != own.end();
  };
  return settings;
}

TargetSettings TargetSettings::for_lmtp(const Config& config) {
  TargetSettings settings = from(config);
  settings.own_ports.clear();
  settings.is_own = [](const Endpoint&) { return false; };
  return settings;
}

Error loop_error(const std::string& next_hop) {
  return Error(554, loop_status, "mail for " + printable(next_hop, 255) + " loops back to myself");
}

bool is_loop(const Error& error) { return error.status() == loop_status; }

Task<Result<std::vector<Target>>> find_targets(Resolver& resolver, NextHop hop,
                                               const TargetSettings& settings) {
  std::uint16_t port = hop.port != 0 ? hop.port : settings.port;
  std::vector<Target> targets;
  if (!hop.socket.empty()) {
    targets.emplace_back(settings.myhostname, hop.socket);
    co_return targets;
  }
  auto literal = IpAddress::parse(hop.host);
  if (literal) {
    targets.emplace_back(hop.host, Endpoint(*literal, port));
    if (settings.is_own(targets.back().endpoint)) co_return loop_error(hop.host);
    co_return targets;
  }
  if (!hop.looks_up_mx || !settings.uses_dns) {
    auto work = by_address_records(resolver, hop, port, settings);
    CO_TRY(targets, co_await std::move(work));
  } else {
    auto mx = co_await resolver.mx(hop.host);
    if (mx.is_found()) {
      MxWalk walk(resolver, hop.host, port, mx.is_authentic, settings);
      auto work = walk.run(std::move(mx.values));
      CO_TRY(targets, co_await std::move(work));
    } else if (mx.status == DnsStatus::NoData) {
      // RFC 5321 section 5.1: the implicit MX. It may be this host, too.
      MxRecord implicit;
      implicit.host = hop.host;
      std::vector<MxRecord> records{implicit};
      auto addresses = co_await host_addresses(resolver, hop.host, settings);
      if (!addresses.is_found()) {
        co_return not_found(hop.host, "AAAA/A", addresses.status, addresses.reason);
      }
      MxWalk walk(resolver, hop.host, port, mx.is_authentic, settings);
      auto work = walk.run(std::move(records));
      CO_TRY(targets, co_await std::move(work));
    } else {
      co_return not_found(hop.host, "MX", mx.status, mx.reason);
    }
  }
  if (!settings.addresses_max.allows(targets.size())) {
    targets.erase(targets.begin() + static_cast<std::ptrdiff_t>(settings.addresses_max.value()),
                  targets.end());
  }
  co_return targets;
}

}  // namespace pennypost::smtp
