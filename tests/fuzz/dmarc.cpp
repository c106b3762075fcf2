// Any bytes in as a DMARC record and as a header; no crash, and one domain of a name for DNS, out.
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/dns/testing.h"
#include "common/mailauth/dmarc.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto record = DmarcRecord::parse(text);
  if (record) {
    ASSERT(DmarcRecord::is_one(text));
    ASSERT(record->percent >= 0 && record->percent <= 100);
    ASSERT(record->aggregate_uris.size() <= dmarc_uris_max);
  }
  auto domain = author_domain(text);
  if (domain) ASSERT(!domain->empty() && is_ascii(*domain) && lower(*domain) == *domain);
  static Loop loop;
  for (auto discovery : {DmarcDiscovery::SuffixList, DmarcDiscovery::TreeWalk}) {
    TableResolver dns;
    dns.txt_record("_dmarc.example.com", std::string(text));
    DmarcRequest request;
    request.author_domain = domain ? *domain : "a.example.com";
    request.discovery = discovery;
    auto result = loop.run_until(check_dmarc(loop, dns, request, std::chrono::seconds(10)));
    ASSERT(result.status == DmarcStatus::None || (record && result.status == DmarcStatus::Fail));
  }
  return 0;
}
