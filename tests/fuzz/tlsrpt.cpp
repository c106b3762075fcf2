// A TLSRPT record, or a line of kept TLS results, in; no crash, and URIs within their limits, and a
// result that is the same when it is written and read again, out.
#include <string>

#include "common/base/assert.h"
#include "common/base/text.h"
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
