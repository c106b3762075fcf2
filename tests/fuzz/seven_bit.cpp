// A message in; the same in 7 bit, or a refusal, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/mail/header.h"
#include "smtpd/delivery/seven_bit.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto converted = smtp::to_seven_bit(input);
  if (!converted) return 0;
  if (is_ascii(input)) ASSERT(*converted == input);
  return 0;
}
