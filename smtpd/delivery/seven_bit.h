// Converts a message to 7 bit, for next hops without 8BITMIME.
//
// The content of a part decides, not its Content-Transfer-Encoding: text parts with 8-bit content
// become quoted-printable, others base64, and encoded content is not encoded again. In multiparts
// and messages the inner parts are converted; the outer part becomes 7bit. The fields of a delivery
// report (message/delivery-status and similar types) get encoded words instead, since no encoding
// is allowed there. A message without MIME fields gets them, with charset unknown-8bit. Signatures
// over converted parts become invalid, as RFC 1847 section 2.1 warns. Headers are not changed.
//
// STANDARDS  RFC 6152 section 3, RFC 2045 section 6, RFC 2046 section 5.2, RFC 1428 (unknown-8bit)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::smtp {

/// `message` has LF line ends. Error 554: a structure that can't be converted (8-bit content in
/// message/partial, or nested more deeply than mime.h parses).
Result<std::string> to_seven_bit(std::string_view message);

}  // namespace pennypost::smtp
