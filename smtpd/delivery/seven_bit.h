// Converts a message to 7 bit, for next hops without 8BITMIME.
//
// What a part holds decides, not what it claims: text parts with 8-bit content become
// quoted-printable, others base64, and what of it was encoded already is not encoded twice. With
// multiparts and messages it is their inner parts that are converted; they themselves say 7bit. The
// fields of a delivery report (message/delivery-status and its like) get encoded words instead,
// since no encoding is allowed there. A message without MIME fields gets them, with charset
// unknown-8bit. Signed and encrypted parts lose their signature's validity, as RFC 1847 section 2.1
// warns its makers. Headers are not changed.
//
// STANDARDS  RFC 6152 section 3, RFC 2045 section 6, RFC 2046 section 5.2, RFC 1428 (unknown-8bit)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::smtp {

/// `message` has LF line ends. Error 554: a structure that can't be converted (8-bit content in
/// message/partial, or nested deeper than mime.h looks).
Result<std::string> to_seven_bit(std::string_view message);

}  // namespace pennypost::smtp
