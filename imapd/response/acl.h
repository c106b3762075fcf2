// Writes the lines of ACL.
//
// As in untagged.h: each function gives a whole line with its CRLF, names are taken in UTF-8.
// Rights are shown with the obsolete c and d beside those that they mean (RFC 4314 section 2.1.1).
//
// STANDARDS  RFC 4314 section 3.6 to 3.8
#pragma once

#include <string>
#include <string_view>

#include "imapd/response/strings.h"
#include "store/sharing/acl.h"

namespace pennypost::imap {

/// `* ACL INBOX ann lrwstipekxacd bob lr -carl w`
std::string acl_line(std::string_view utf8_name, const store::Acl& acl, NameForm form);
/// `* LISTRIGHTS INBOX bob "" l r w s t i p e k x a c d`: any right can be granted by itself; an
/// owner keeps a.
std::string list_rights_line(std::string_view utf8_name, std::string_view identifier, bool is_owner,
                             NameForm form);
/// `* MYRIGHTS INBOX lrs`
std::string my_rights_line(std::string_view utf8_name, store::Rights rights, NameForm form);

}  // namespace pennypost::imap
