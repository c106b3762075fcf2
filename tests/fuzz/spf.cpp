// Any bytes in as an SPF record and as macros; no crash, and names that fit into DNS, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/dns/message.h"
#include "common/dns/testing.h"
#include "common/mailauth/spf.h"
#include "common/mailauth/spf_macro.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  SpfMacroValues values{.local = "a.b+c-d",
                        .sender_domain = "example.com",
                        .domain = "example.com",
                        .client = *IpAddress::parse("2001:db8::1"),
                        .helo = "h"};
  (void)needs_validated_name(text);
  if (is_spf_macro_string(text, SpfMacroUse::Explanation)) (void)expand_spf_macros(text, values);
  if (is_spf_domain(text)) {
    ASSERT(is_spf_macro_string(text, SpfMacroUse::Domain));
    auto name = expand_spf_domain(text, values);
    ASSERT(name.size() <= dns_name_bytes_max ||
           name.find('.', name.size() - dns_name_bytes_max) == std::string::npos);
  }
  // The record is evaluated with itself as the explanation and as every included record.
  static Loop loop;
  TableResolver dns;
  dns.txt_record("example.com", std::string(text));
  SpfRequest request{*IpAddress::parse("192.0.2.1"), "h", "a@example.com"};
  auto result = loop.run_until(check_spf(loop, dns, request, std::chrono::seconds(10)));
  ASSERT(result.status != SpfStatus::TempError);
  if (!SpfRecord::parse(text)) ASSERT(result.status != SpfStatus::Pass);
  return 0;
}
