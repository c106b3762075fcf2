// Encodes the binary parts of a message, for a store that keeps lines.
//
// A part that says `Content-Transfer-Encoding: binary`, and holds a NUL or an LF without its CR,
// becomes base64 and says so; everything else stays as it is. No octet of content is lost.
//
// STANDARDS  RFC 2045 section 6, RFC 3516 section 4.4
// SEE ALSO   mime.h
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

/// Whether a store of lines gives back a text as it is: no NUL, and each LF behind a CR.
bool is_made_of_lines(std::string_view text);
/// The text with CRLF at the end of each line; a CR elsewhere stays.
std::string with_crlf(std::string_view text);

/// The message, with CRLF line ends, such that is_made_of_lines(). Error 550: octets that are not
/// stand elsewhere than in a part that says it is binary.
Result<std::string> encode_binary_parts(std::string_view message);

/// In base64, with lines of 76 octets (RFC 2045 section 6.8).
std::string base64_lines(std::string_view bytes, std::string_view line_end = "\r\n");

}  // namespace pennypost
