// Any bytes in; no crash, and dates that are read again as they were written, out.
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/date.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto date = parse_date(text)) {
    ASSERT(parse_date(format_date(*date)) == date);
    ASSERT(parse_imap_date_time(format_imap_date_time(*date)) == date);
  }
  if (auto date = parse_imap_date_time(text)) {
    ASSERT(parse_imap_date_time(format_imap_date_time(*date)) == date);
  }
  (void)parse_imap_date(text);
  return 0;
}
