// A DNS server's bytes in; no crash, and records that keep the rules, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/dns/settings.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  for (DnsType type :
       {DnsType::A, DnsType::Aaaa, DnsType::Mx, DnsType::Ptr, DnsType::Txt, DnsType::Tlsa}) {
    auto reply = parse_dns_reply(input, "example.org", type);
    if (!reply) continue;
    ASSERT(reply->records.size() <= records_max);
    ASSERT((reply->status == DnsStatus::Found) == !reply->records.empty());
    for (const auto& record : reply->records) {
      const auto* mx = std::get_if<MxRecord>(&record);
      if (mx == nullptr) continue;
      for (char c : mx->host) ASSERT(!is_control(c) && is_ascii(c));
    }
  }
  ASSERT(parse_resolv_conf(input).size() <= dns_servers_max);
  parse_hosts(input);
  return 0;
}
