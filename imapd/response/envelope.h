// A message's header in, IMAP's ENVELOPE out.
//
//   envelope = "(" date subject from sender reply-to to cc bcc in-reply-to message-id ")"
//   address  = "(" name route mailbox host ")"
//
// Texts are unfolded and otherwise as the header has them: encoded words stay encoded. sender and
// reply-to repeat from where their fields are missing or hold no address.
//
// STANDARDS  RFC 9051 section 7.5.2 (ENVELOPE), RFC 3501 section 7.4.2
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

/// `header` may be followed by a body, which is not looked at. The result holds its parentheses.
std::string envelope(std::string_view header);

}  // namespace pennypost::imap
