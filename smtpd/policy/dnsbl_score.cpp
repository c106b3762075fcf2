#include "smtpd/policy/dnsbl_score.h"

#include <algorithm>
#include <set>

#include "common/log/screen_lines.h"

namespace pennypost::smtp {
namespace {

void shorten(std::optional<std::uint32_t>& life, std::uint32_t seconds) {
  life = life ? std::min(*life, seconds) : seconds;
}

}  // namespace

std::string name_in_lists(const IpAddress& address) {
  std::string name = address.reverse_name();
  for (std::string_view suffix : {".in-addr.arpa", ".ip6.arpa"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  return name;
}

std::chrono::seconds DnsblScore::life(std::chrono::seconds least,
                                      std::chrono::seconds greatest) const {
  const auto& shortest = rank > 0 ? fail_seconds : pass_seconds;
  if (missing > 0 || !shortest) return least;
  std::chrono::seconds life(*shortest);
  return std::min(std::max(life, least), std::max(greatest, least));
}

DnsblInquiry::DnsblInquiry(Loop& loop, Resolver& resolver, const std::vector<DnsblSite>& sites)
    : loop_(loop), resolver_(resolver), sites_(sites), tasks_(loop) {}

void DnsblInquiry::start(const IpAddress& client, std::chrono::milliseconds time_max,
                         Event& changed) {
  std::set<std::string> zones;
  for (const DnsblSite& site : sites_) {
    if (zones.size() < dnsbl_sites_max) zones.insert(site.zone);
  }
  score_.missing = zones.size();
  std::string name = name_in_lists(client);
  for (const std::string& zone : zones) {
    tasks_.start(ask(zone, name + "." + zone, client.text(), time_max, changed));
  }
}

Task<> DnsblInquiry::ask(std::string zone, std::string name, std::string client,
                         std::chrono::milliseconds time_max, Event& changed) {
  auto asking = resolver_.query(std::move(name), DnsType::A);
  auto reply = co_await within(loop_, time_max, std::move(asking));
  if (reply && reply->status != DnsStatus::TryLater) {
    take(zone, client, *reply);
    --score_.missing;
  } else {
    // It stays missing, so that what the others say is not kept for long, but nobody waits for it.
    ++unanswered_;
  }
  changed.notify_all();
}

/// RFC 5782 section 2.1: the name exists when the client is listed.
void DnsblInquiry::take(const std::string& zone, const std::string& client, const DnsReply& reply) {
  std::vector<std::string> addresses;
  for (const DnsData& record : reply.records) {
    if (const auto* address = std::get_if<IpAddress>(&record)) addresses.push_back(address->text());
  }
  for (const std::string& address : addresses) log_dnsbl_listing(client, zone, address);
  for (const DnsblSite& site : sites_) {
    if (site.zone != zone) continue;
    auto counts = [&](const std::string& address) {
      return !site.replies || site.replies->matches(address);
    };
    bool is_listed = std::ranges::any_of(addresses, counts);
    if (is_listed) {
      score_.rank += site.weight;
      if (score_.zone.empty() || score_.zone_weight < site.weight) {
        score_.zone = zone;
        score_.zone_weight = site.weight;
      }
    }
    // A listing in a block list keeps the rank up, as does the absence from a list of the good.
    bool keeps_up = is_listed == (site.weight > 0);
    shorten(keeps_up ? score_.fail_seconds : score_.pass_seconds, reply.ttl_seconds);
  }
}

}  // namespace pennypost::smtp
