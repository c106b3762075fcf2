// Addresses and networks as text, and the header by which a proxy tells who its client is; no
// crash, and what is read means the same when written again.
#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/dns/settings.h"
#include "common/net/address.h"
#include "common/net/proxy_protocol.h"

using namespace pennypost;

namespace {

void address(std::string_view text) {
  if (auto parsed = IpAddress::parse(text)) {
    auto again = IpAddress::parse(parsed->text());
    ASSERT(again && *again == *parsed);
    (void)parsed->reverse_name();
    (void)parsed->literal();
  }
  if (auto network = Network::parse(text)) {
    ASSERT(network->contains(network->address()));
    auto again = Network::parse(network->text());
    ASSERT(again && again->address() == network->address());
    ASSERT(again->prefix() == network->prefix());
  }
  (void)parse_dns_server(text).has_value();
}

/// Each shorter beginning is the same header, not there whole, or malformed already.
void proxy(std::string_view bytes) {
  auto header = parse_proxy_header(bytes);
  if (!header || !*header) return;
  ASSERT((*header)->bytes <= bytes.size() && (*header)->bytes <= proxy_header_bytes_max);
  auto exact = parse_proxy_header(bytes.substr(0, (*header)->bytes));
  ASSERT(exact && *exact && (*exact)->bytes == (*header)->bytes);
  for (std::size_t cut = 0; cut < (*header)->bytes; ++cut) {
    auto part = parse_proxy_header(bytes.substr(0, cut));
    ASSERT(part && !*part);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  address(input);
  proxy(input);
  return 0;
}
