// The bytes of a damaged write-ahead log in; batches that can be written and read again, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "store/kv/log_file.h"

using namespace pennypost::store;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto content = read_log(input);
  auto again = read_log(write_log(content.batches));
  ASSERT(again.is_sound() && !again.unfinished_tail);
  ASSERT(again.batches.size() <= content.batches.size());
  return 0;
}
