// Writes the ENVELOPE of a message from its header.
//
//   envelope = "(" date subject from sender reply-to to cc bcc in-reply-to message-id ")"
//   address  = "(" name route mailbox host ")"
//
// Texts are unfolded, and otherwise as they stand in the header: encoded words stay encoded. Where
// sender or reply-to are missing or hold no address, those of from stand in for them.
//
// STANDARDS  RFC 9051 section 7.5.2 (ENVELOPE), RFC 3501 section 7.4.2
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

/// `header` may be followed by a body, which is not looked at. The result holds its parentheses.
std::string envelope(std::string_view header);

}  // namespace pennypost::imap
