// Any bytes in as a gzip or zip file, and as a message that brings one; no crash, and never more
// than was allowed, out.
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/archive.h"
#include "smtpd/reports/received.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  constexpr std::size_t bytes_max = 100'000;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto text = gunzip(bytes, bytes_max)) ASSERT(text->size() <= bytes_max);
  if (auto files = unzip(bytes, bytes_max)) {
    std::size_t sum = 0;
    for (const auto& one : *files) sum += one.size();
    ASSERT(sum <= bytes_max && files->size() <= archive_files_max);
  }
  smtp::ReceivedReports reports;
  (void)reports.take_file(bytes);
  (void)reports.take_message(bytes);
  ASSERT(*gunzip(gzip(bytes), size) == bytes);
  return 0;
}
