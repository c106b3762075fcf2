#include "common/dns/resolver.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/dns/message.h"

namespace pennypost {
namespace {

constexpr std::size_t ptr_names_max = 5;  // how many names of one address are tried

bool is_localhost(const std::string& name) {
  return equal_nocase(name, "localhost") || ends_with_nocase(name, ".localhost") ||
         equal_nocase(name, "localhost.");
}

DnsAnswer<IpAddress> loopback(AddressFamilies families) {
  DnsAnswer<IpAddress> answer(DnsStatus::Found);
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  if (families.v6) answer.values.push_back(IpAddress::v6(one));
  if (families.v4) answer.values.push_back(IpAddress::loopback4());
  return answer;
}

}  // namespace

Task<DnsAnswer<MxRecord>> Resolver::mx(std::string name) {
  auto reply = co_await query(std::move(name), DnsType::Mx);
  DnsAnswer<MxRecord> answer(std::move(reply));
  std::stable_sort(answer.values.begin(), answer.values.end(),
                   [](const auto& a, const auto& b) { return a.preference < b.preference; });
  co_return answer;
}

Task<DnsAnswer<IpAddress>> Resolver::addresses(std::string name, AddressFamilies families) {
  if (is_localhost(name)) co_return loopback(families);
  DnsAnswer<IpAddress> answer(DnsStatus::NoData, "Host not found");
  bool try_later = false;
  bool exists = false;
  bool is_authentic = true;
  for (DnsType type : {DnsType::Aaaa, DnsType::A}) {
    if (!(type == DnsType::A ? families.v4 : families.v6)) continue;
    auto reply = co_await query(name, type);
    DnsAnswer<IpAddress> part(std::move(reply));
    is_authentic = is_authentic && part.is_authentic;
    answer.values.insert(answer.values.end(), part.values.begin(), part.values.end());
    if (part.status == DnsStatus::TryLater) try_later = true;
    if (part.status != DnsStatus::NoSuchName) exists = true;
    if (part.is_found() && !part.canonical.empty()) answer.canonical = part.canonical;
    // The reason of a temporary failure takes precedence over that of a permanent one.
    if (!part.reason.empty() && (part.status == DnsStatus::TryLater || !try_later)) {
      answer.reason = part.reason;
    }
    // RFC 4074 section 4.2: some servers answer NXDOMAIN to AAAA for names that have an A record,
    // so that alone proves nothing.
  }
  answer.is_authentic = is_authentic;
  if (!answer.values.empty()) {
    answer.status = DnsStatus::Found;
    answer.reason.clear();
  } else if (try_later) {
    answer.status = DnsStatus::TryLater;
  } else if (!exists) {
    answer.status = DnsStatus::NoSuchName;
  }
  co_return answer;
}

Task<DnsAnswer<IpAddress>> Resolver::native_addresses(std::string name, AddressFamilies families) {
  DnsAnswer<IpAddress> answer(DnsStatus::Found);
  for (const auto& address : hosts_addresses(name)) {
    if (address.is_v4() ? families.v4 : families.v6) answer.values.push_back(address);
  }
  if (!answer.values.empty()) co_return answer;
  co_return co_await addresses(std::move(name), families);
}

Task<DnsAnswer<std::string>> Resolver::txt(std::string name) {
  auto reply = co_await query(std::move(name), DnsType::Txt);
  co_return DnsAnswer<std::string>(std::move(reply));
}

Task<DnsAnswer<std::string>> Resolver::ns(std::string name) {
  auto reply = co_await query(std::move(name), DnsType::Ns);
  co_return DnsAnswer<std::string>(std::move(reply));
}

Task<DnsAnswer<TlsaRecord>> Resolver::tlsa(std::string name) {
  auto reply = co_await query(std::move(name), DnsType::Tlsa);
  co_return DnsAnswer<TlsaRecord>(std::move(reply));
}

Task<bool> Resolver::leads_to(std::string name, IpAddress address, bool& try_later) {
  AddressFamilies families;
  families.v4 = address.is_v4();
  families.v6 = address.is_v6();
  auto answer = co_await native_addresses(std::move(name), families);
  if (answer.status == DnsStatus::TryLater) try_later = true;
  co_return std::find(answer.values.begin(), answer.values.end(), address) != answer.values.end();
}

Task<VerifiedName> Resolver::verified_name(IpAddress address) {
  VerifiedName found;
  found.name = "unknown";
  std::string known = hosts_name(address);
  if (!known.empty()) {
    found.status = DnsStatus::Found;
    found.name = known;
    co_return found;
  }
  auto reply = co_await query(address.reverse_name(), DnsType::Ptr);
  DnsAnswer<std::string> names(std::move(reply));
  found.status = names.status;
  if (!names.is_found()) co_return found;
  bool try_later = false;
  std::size_t count = std::min(names.values.size(), ptr_names_max);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& name = names.values[i];
    if (!is_host_name(name)) continue;
    if (found.unverified.empty()) found.unverified = name;
    bool leads_back = co_await leads_to(name, address, try_later);
    if (!leads_back) continue;
    found.status = DnsStatus::Found;
    found.name = name;
    co_return found;
  }
  found.status = DnsStatus::NoData;
  if (try_later) found.status = DnsStatus::TryLater;
  co_return found;
}

}  // namespace pennypost
