// Any bytes in; no crash, and the printed form of what parses means the same, out.
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"
#include "common/mail/esmtp.h"

using namespace pennypost;

namespace {

void check_path(std::string_view text, Utf8 utf8) {
  auto address = MailAddress::parse_path(text, utf8);
  if (!address) return;
  auto again = MailAddress::parse_path(address->path(), utf8);
  ASSERT(again.has_value());
  ASSERT(again->text() == address->text());
  ASSERT(again->key() == address->key());
  auto key = MailAddress::parse_path("<" + address->key() + ">", utf8);
  ASSERT(key.has_value() && key->key() == address->key());
  if (address->is_null()) return;
  (void)address->folded_key();
  (void)address->hidden_route();
  (void)split_sub_address(address->local(), "+-");
  if (address->domain()) (void)address->domain()->unicode();
  auto orcpt = OriginalRecipient::of(*address);
  if (orcpt.parameter(Utf8::Refused).size() > orcpt_bytes_max) return;
  auto back = OriginalRecipient::parse(orcpt.parameter(Utf8::Refused));
  ASSERT(back.has_value() && *back == orcpt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_path(text, Utf8::Refused);
  check_path(text, Utf8::Allowed);
  (void)parse_mail_command(text);
  (void)parse_rcpt_command(text, Utf8::Allowed);
  for (const auto& one : parse_address_list(text)) {
    ASSERT(!one.bare_end || *one.bare_end <= text.size());
    (void)one.address();
  }
  return 0;
}
