// A TLSRPT record, a URI, or a line of kept TLS results, in; no crash, URIs within their limits
// that hide no second line of a request, and a result that is the same when it is written and read
// again, out.
#include <string>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/mailauth/https_uri.h"
#include "common/mailauth/tlsrpt_record.h"
#include "smtpd/reports/tls_results.h"

using namespace pennypost;
using namespace pennypost::smtp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  if (auto uris = tlsrpt_uris({text})) {
    ASSERT(!uris->empty() && uris->size() <= tlsrpt_uris_max);
    for (const auto& uri : *uris) {
      ASSERT(starts_with_nocase(uri, "mailto:") || starts_with_nocase(uri, "https:"));
    }
  }
  if (auto uri = parse_https_uri(text)) {
    ASSERT(is_host_name(uri->host) && uri->port != 0 && uri->path.starts_with('/'));
    ASSERT(uri->path.find_first_of("\r\n \t#") == std::string::npos);
  }
  auto kept = KeptTlsResult::parse(text);
  if (!kept) return 0;
  auto line = kept->line();
  ASSERT(line.find('\n') == line.size() - 1);
  line.pop_back();
  auto again = KeptTlsResult::parse(line);
  ASSERT(again && again->count == kept->count);
  ASSERT(again->line() == line + "\n");
  return 0;
}
