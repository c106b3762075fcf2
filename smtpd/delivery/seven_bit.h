// A message with 8-bit bodies in, the same message in 7 bit out, for hosts without 8BITMIME.
//
// Text parts with 8-bit content become quoted-printable, others base64; multiparts and messages
// that said 8bit say 7bit. A message without MIME fields gets them, with charset unknown-8bit.
// Signed and encrypted parts lose their signature's validity, as RFC 1847 section 2.1 warns its
// makers. Headers are not changed.
//
// STANDARDS  RFC 6152 section 3, RFC 2045 section 6, RFC 1428 (unknown-8bit)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::smtp {

/// `message` has LF line ends. Error 554: a structure that can't be converted (a transfer encoding
/// of its own with 8-bit content, message/partial).
Result<std::string> to_seven_bit(std::string_view message);

}  // namespace pennypost::smtp
