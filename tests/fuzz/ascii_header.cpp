// Any bytes as a header for a POP3 client without UTF8: what is changed holds no UTF-8 any more,
// and changing it again finds nothing.
#include <string_view>

#include "common/base/assert.h"
#include "popd/ascii_header.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view header(reinterpret_cast<const char*>(data), size);
  auto made = pop::ascii_header(header);
  if (made) ASSERT(!pop::ascii_header(*made));
  return 0;
}
