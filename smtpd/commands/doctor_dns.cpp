#include "smtpd/commands/doctor_dns.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "common/base/text.h"
#include "common/mailauth/dmarc_record.h"
#include "common/mailauth/spf.h"
#include "smtpd/commands/dkim_records.h"
#include "smtpd/commands/dns_records.h"

namespace pennypost::smtp {
namespace {

constexpr const char* area = "dns";
constexpr std::size_t addresses_max = 10;  // of a host, that are looked at

/// Those that mail servers ask most, with what their answers 127.0.0.x mean.
constexpr std::array<std::string_view, 3> block_lists{"zen.spamhaus.org", "bl.spamcop.net",
                                                      "b.barracudacentral.org"};

constexpr std::array special_networks{
    "0.0.0.0/8",       "10.0.0.0/8",      "100.64.0.0/10", "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12",   "192.0.0.0/24",    "192.0.2.0/24",  "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24",  "224.0.0.0/3",   "[::]/8",         "[64:ff9b::]/96",
    "[100::]/64",      "[2001:db8::]/32", "[fc00::]/7",    "[fe80::]/10",    "[ff00::]/8"};

bool holds(const std::vector<IpAddress>& all, const IpAddress& one) {
  return std::ranges::find(all, one) != all.end();
}

std::string texts(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += (text.empty() ? "" : ", ") + address.text();
  return text;
}

class DnsDoctor {
 public:
  DnsDoctor(const Config& config, Loop& loop, Resolver& resolver, const DoctorDns& about)
      : config_(config),
        loop_(loop),
        resolver_(resolver),
        about_(about),
        host_(config.text("myhostname")) {}

  Findings run() {
    auto outside = host_addresses();
    for (const auto& address : outside) name_of_address(address);
    if (config_.role == Role::NullClient) return std::move(findings_);
    mail_hosts();
    policies(outside);
    signing_keys();
    tlsa();
    return std::move(findings_);
  }

 private:
  void add(Level level, std::string what, std::string why = "", std::string remedy = "") {
    findings_.push_back({level, area, std::move(what), std::move(why), std::move(remedy)});
  }
  void unanswered(const std::string& name) {
    add(Level::Note, "DNS does not answer about " + name + " now",
        "what it says could not be looked at", "pennypost doctor, later");
  }
  std::string record(const std::string& name, const std::string& type) const {
    std::vector<std::string> own;
    for (const auto& address : about_.addresses) own.push_back(address.text());
    for (const auto& one : dns_records(config_, own)) {
      if (one.name == name + "." && one.type == type) return one.text();
    }
    return "";
  }

  /// The addresses by which others know this host.
  std::vector<IpAddress> host_addresses() {
    auto found = loop_.run_until(resolver_.addresses(host_, AddressFamilies()));
    std::vector<IpAddress> outside = about_.addresses;
    if (found.status == DnsStatus::TryLater) {
      unanswered(host_);
    } else if (!found.is_found()) {
      add(Level::Problem, host_ + " has no address in DNS",
          "other servers refuse mail from a host whose name leads nowhere",
          about_.addresses.empty() ? "publish an A record for " + host_ : record(host_, "A"));
    } else {
      bool is_ours = about_.addresses.empty() ||
                     std::ranges::any_of(found.values, [&](const IpAddress& address) {
                       return holds(about_.addresses, address);
                     });
      add(is_ours ? Level::Good : Level::Warning,
          host_ + " is " + texts(found.values) +
              (is_ours ? "" : ", and this host has " + texts(about_.addresses)),
          is_ours ? "" : "mail for this host goes to another one",
          is_ours ? "" : record(host_, "A"));
      for (const auto& address : found.values) {
        if (is_public(address) && !holds(outside, address)) outside.push_back(address);
      }
    }
    while (outside.size() > addresses_max) outside.pop_back();
    return outside;
  }

  void name_of_address(const IpAddress& address) {
    auto name = loop_.run_until(resolver_.verified_name(address));
    if (name.status == DnsStatus::TryLater) return unanswered(address.text());
    const std::string remedy = address.reverse_name() + ".  PTR  " + host_ +
                               ".   (your provider or the owner of the network sets it)";
    if (name.status != DnsStatus::Found) {
      const bool has_name = !name.unverified.empty() && name.unverified != "unknown";
      add(Level::Problem,
          address.text() +
              (has_name ? " is called " + name.unverified + ", which does not lead back to it"
                        : " has no name (PTR)"),
          "large receivers refuse mail from addresses without a name that leads back", remedy);
    } else if (!equal_nocase(name.name, host_)) {
      add(Level::Note, address.text() + " is called " + name.name + ", not " + host_,
          "some receivers compare it with the name in HELO", remedy);
    } else {
      add(Level::Good, address.text() + " is called " + name.name);
    }
  }

  void mail_hosts() {
    auto found = loop_.run_until(resolver_.mx(about_.domain));
    if (found.status == DnsStatus::TryLater) return unanswered(about_.domain);
    const std::string remedy = record(about_.domain, "MX");
    if (!found.is_found()) {
      return add(Level::Problem, about_.domain + " has no MX record",
                 "mail to the domain is tried at its A record, or returned", remedy);
    }
    std::string hosts;
    bool is_named = false;
    for (const auto& mx : found.values) {
      hosts += (hosts.empty() ? "" : ", ") + (mx.host.empty() ? "." : mx.host);
      is_named = is_named || equal_nocase(mx.host, host_);
    }
    if (found.values.size() == 1 && found.values.front().host.empty()) {
      return add(Level::Problem, about_.domain + " says that it takes no mail (null MX)",
                 "every sender gets its mail back", remedy);
    }
    add(is_named ? Level::Good : Level::Warning,
        "the mail of " + about_.domain + " goes to " + hosts,
        is_named ? "" : "this host is not among them; right if they pass it on",
        is_named ? "" : remedy);
  }

  void policies(const std::vector<IpAddress>& outside) {
    const bool sends_itself = config_.text("relayhost").empty();
    if (outside.empty() || !sends_itself) {
      check_policy_exists();
    } else {
      for (const auto& address : outside) sender_policy(address);
    }
    auto dmarc = loop_.run_until(resolver_.txt("_dmarc." + about_.domain));
    if (dmarc.status == DnsStatus::TryLater) return unanswered("_dmarc." + about_.domain);
    const auto text = std::ranges::find_if(
        dmarc.values, [](const std::string& value) { return value.starts_with("v=DMARC1"); });
    if (text == dmarc.values.end()) {
      return add(Level::Warning, about_.domain + " has no DMARC record",
                 "large receivers want one of every domain that sends much mail",
                 record("_dmarc." + about_.domain, "TXT"));
    }
    auto parsed = DmarcRecord::parse(*text);
    if (parsed) return add(Level::Good, "DMARC of " + about_.domain + ": " + printable(*text, 200));
    add(Level::Problem,
        "the DMARC record of " + about_.domain + " is wrong: " + parsed.error().text(),
        "receivers ignore it", record("_dmarc." + about_.domain, "TXT"));
  }

  void check_policy_exists() {
    auto found = loop_.run_until(resolver_.txt(about_.domain));
    if (found.status == DnsStatus::TryLater) return unanswered(about_.domain);
    bool has_policy = std::ranges::any_of(
        found.values, [](const std::string& value) { return value.starts_with("v=spf1"); });
    if (has_policy) return add(Level::Good, about_.domain + " has an SPF record");
    no_policy();
  }
  void no_policy() {
    add(Level::Warning, about_.domain + " has no SPF record",
        "receivers can't tell your mail from forged mail", record(about_.domain, "TXT"));
  }

  void sender_policy(const IpAddress& address) {
    SpfRequest request{.client = address,
                       .helo = host_,
                       .sender = "postmaster@" + about_.domain,
                       .now_seconds = std::time(nullptr)};
    auto result =
        loop_.run_until(check_spf(loop_, resolver_, std::move(request), doctor_dns_time_max));
    switch (result.status) {
      case SpfStatus::Pass:
        return add(Level::Good, "SPF of " + about_.domain + " allows " + address.text());
      case SpfStatus::None:
        return no_policy();
      case SpfStatus::TempError:
        return unanswered(about_.domain);
      case SpfStatus::PermError:
        return add(
            Level::Problem, "the SPF record of " + about_.domain + " is wrong: " + result.reason,
            "receivers count it as no policy, or refuse the mail", record(about_.domain, "TXT"));
      case SpfStatus::Neutral:
      case SpfStatus::Fail:
      case SpfStatus::SoftFail:
        break;
    }
    add(Level::Problem,
        "SPF of " + about_.domain + " does not allow " + address.text() + ": " +
            std::string(pennypost::name_of(result.status)),
        "receivers refuse your mail, or take it for spam", record(about_.domain, "TXT"));
  }

  void signing_keys() {
    if (!about_.keys) return;
    const auto signing = about_.keys->signing();
    if (signing.empty()) {
      return add(Level::Warning, "mail of " + about_.domain + " is not signed (DKIM)",
                 "large receivers want a signature, or count the mail for spam",
                 "pennypost dkim new " + about_.domain);
    }
    for (const auto* key : signing) {
      const auto state = dkim_in_dns(loop_, resolver_, about_.domain, *key);
      const std::string name = "the DKIM key " + key->selector + " of " + about_.domain;
      if (state == "published") {
        add(Level::Good, name + " is in DNS");
      } else if (state == "unknown") {
        unanswered(key->selector + "._domainkey." + about_.domain);
      } else {
        std::string line = dkim_zone_line(about_.domain, *key);
        line.pop_back();
        add(Level::Problem, name + (state == "missing" ? " is not in DNS" : " is another in DNS"),
            "receivers take its signatures for forged", line);
      }
    }
  }

  /// A sender that knows DANE delivers only if one record fits.
  void tlsa() {
    const std::string name = "_25._tcp." + host_;
    auto found = loop_.run_until(resolver_.tlsa(name));
    if (!found.is_found() || !about_.certificate) return;
    bool fits = std::ranges::any_of(found.values, [&](const TlsaRecord& record) {
      return !record.data.empty() &&
             record.data == about_.certificate->tlsa(record.selector, record.matching);
    });
    // Usage 2 (and 0) names an authority, which is not looked for here.
    bool names_authority = std::ranges::any_of(
        found.values, [](const TlsaRecord& record) { return record.usage % 2 == 0; });
    if (fits) return add(Level::Good, "a TLSA record fits the certificate");
    if (names_authority) return;
    add(Level::Problem, "no TLSA record of " + name + " fits the certificate",
        "servers that know DANE deliver nothing here",
        "publish one for the new key before the certificate changes, and remove the old one after");
  }

  const Config& config_;
  Loop& loop_;
  Resolver& resolver_;
  const DoctorDns& about_;
  const std::string host_;
  Findings findings_;
};

std::string reversed(const IpAddress& address) {
  std::string name = address.reverse_name();
  for (std::string_view suffix : {".in-addr.arpa", ".ip6.arpa"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  return name;
}

}  // namespace

bool is_public(const IpAddress& address) {
  return std::ranges::none_of(special_networks, [&](const char* text) {
    auto network = Network::parse(text);
    return network && network->contains(address);
  });
}

Findings check_dns(const Config& config, Loop& loop, Resolver& resolver, const DoctorDns& about) {
  return DnsDoctor(config, loop, resolver, about).run();
}

Findings check_block_lists(Loop& loop, Resolver& resolver,
                           const std::vector<IpAddress>& addresses) {
  Findings findings;
  auto listed_range = Network::parse("127.0.0.0/16");
  for (const auto& address : addresses) {
    for (std::string_view list : block_lists) {
      auto answer =
          loop.run_until(resolver.query(reversed(address) + "." + std::string(list), DnsType::A));
      // 127.255.255.x means that the list answers no questions of this name server.
      bool is_listed = std::ranges::any_of(answer.records, [&](const DnsData& data) {
        const auto* value = std::get_if<IpAddress>(&data);
        return value != nullptr && listed_range && listed_range->contains(*value);
      });
      if (!is_listed) continue;
      findings.push_back({Level::Problem, "block lists",
                          address.text() + " is listed by " + std::string(list),
                          "many receivers refuse mail from listed addresses",
                          "find out what was sent (the log, pennypost queue shape), stop it, then "
                          "ask the list to remove the address"});
    }
  }
  if (findings.empty() && !addresses.empty()) {
    findings.push_back({Level::Good, "block lists", texts(addresses) + " is on none", "", ""});
  }
  return findings;
}

}  // namespace pennypost::smtp
