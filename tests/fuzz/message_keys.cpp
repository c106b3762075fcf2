// Any bytes as the message of postmap -h, -b and -m: every key is a part of it.
#include <string_view>

#include "common/base/assert.h"
#include "smtpd/commands/message_keys.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  smtp::MessageKeys wanted;
  wanted.header = (data[0] & 1) != 0;
  wanted.body = (data[0] & 2) != 0;
  wanted.mime = (data[0] & 4) != 0;
  std::size_t bytes = 0;
  auto done = smtp::each_key_of_message(text, wanted, 1000, [&](std::string_view key) {
    bytes += key.size();
    return Result<void>();
  });
  ASSERT(done && bytes <= text.size());
  return 0;
}
