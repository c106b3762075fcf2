// Any bytes in as a DMARC report, as a TLS report and as a line of what is kept for one; no crash,
// and what is read is written and read the same, out.
#include <string_view>

#include "common/base/assert.h"
#include "common/mailauth/dmarc_report_parser.h"
#include "common/mailauth/tls_report.h"
#include "smtpd/reports/digest.h"
#include "smtpd/reports/evaluations.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto report = parse_dmarc_report(text)) {
    auto again = parse_dmarc_report(dmarc_report_xml(*report));
    ASSERT(again && again->rows == report->rows && again->policy == report->policy);
    for (const auto& row : report->rows) {
      ASSERT(!smtp::meaning_of(row, report->policy.domain).empty());
      smtp::KeptEvaluation one{report->policy, row};
      if (row.count == 0) continue;
      auto line = one.line();
      auto back = smtp::KeptEvaluation::parse(std::string_view(line).substr(0, line.size() - 1));
      ASSERT(back && back->row == row && back->policy == report->policy);
    }
  }
  (void)parse_tls_report(text);
  if (auto one = smtp::KeptEvaluation::parse(text)) {
    auto line = one->line();
    auto back = smtp::KeptEvaluation::parse(std::string_view(line).substr(0, line.size() - 1));
    ASSERT(back && back->row == one->row && back->policy == one->policy);
  }
  return 0;
}
