// What the messages that a script sends have in common: who they are from, and how they are
// written.
//
// SEE ALSO   vacation.cpp, notify.cpp
#pragma once

#include <string>
#include <string_view>

#include "store/sieve/run.h"

namespace pennypost::store::sieve {

/// The script's owner as the address to answer from: the one that the message was sent to.
std::string owner_address(const Environment& environment);

/// `Ann <ann@example.org>` with an encoded name, for a header. Error: it is not one address.
Result<std::string> address_value(const std::string& text);

/// The first word of the message's Auto-Submitted in lower case; empty if there is none.
std::string auto_submitted(const EditedMessage& message);

/// A field with LF at its end; `text` is UTF-8 and is encoded as RFC 2047 asks.
std::string text_field(std::string_view name, std::string_view text);

/// An entity that a script wrote: Content- fields, an empty line, and the content, with LF line
/// ends. Error: its header holds other fields.
Result<std::string> written_entity(std::string_view text);

/// MIME fields, an empty line and the text in quoted-printable, with LF line ends.
std::string plain_text_body(std::string_view text);

/// The text with LF line ends, without NUL.
std::string with_lf(std::string_view text);

}  // namespace pennypost::store::sieve
