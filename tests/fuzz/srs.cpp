// Any text in as a sender and as an address made of one; no crash, and what is made leads back.
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.h"
#include "common/mailauth/srs.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  constexpr std::int64_t now = 1'700'000'000;
  std::vector<Secret> secrets;
  secrets.emplace_back("secret");
  static const Srs srs(*Domain::parse("srs.example"), std::move(secrets));
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto address = MailAddress::parse(text, Utf8::Allowed);
  if (!address || address->is_null() || !address->domain()) return 0;
  (void)srs.reverse(*address, now);
  auto made = srs.forward(*address, now);
  if (!made) return 0;
  ASSERT(made->domain() == srs.domain());
  ASSERT(Srs::is_one(made->local()));
  auto back = srs.reverse(*made, now);
  // A domain literal, or what another host has made of nonsense, may have no way back.
  if (back && !Srs::is_one(address->local())) ASSERT(*back == *address);
  return 0;
}
