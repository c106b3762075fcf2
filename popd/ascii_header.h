// Makes a header that holds raw UTF-8 readable to a client that has not said UTF8.
//
// Text becomes encoded words, a parameter's value the form `name*=utf-8''...`, and an address with
// characters beyond ASCII, to which such a client could not reply, encoded words that show it
// before an address that leads nowhere. Where an encoded word may not stand, in the identifiers of
// messages and in Received, what is beyond ASCII is left out: an identifier, or the whole field.
// Fields that are ASCII, or beyond ASCII but not UTF-8, stay byte for byte, and so does the body.
//
// STANDARDS  RFC 6856 section 2.1 (no UTF-8 without UTF8), RFC 2047 section 5 (where encoded
//            words may stand), RFC 2231 section 4 (parameters), RFC 6858 section 3 (addresses)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pennypost::pop {

/// `header` has CRLF line ends and may end in the empty line. Nothing: it may stay as it is.
std::optional<std::string> ascii_header(std::string_view header);

}  // namespace pennypost::pop
